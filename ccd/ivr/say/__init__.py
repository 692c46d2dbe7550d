"""What a caller hears of a value: numbers, digits, dates, times and money as lists of fragments, by language. Pure.

A fragment is the name of a file `<sounds_path>/<language>/say/<fragment>.wav`; sounds/say.yaml holds the text of each.
`say` is the one door; a language is a module of this package with one function a kind.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from ccd.base.errors import Refused
from ccd.ivr.say import en, zh

LONGEST_DIGITS = 64
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,4})?")
_MONEY = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_KEYS = re.compile(rf"[0-9*#+]{{1,{LONGEST_DIGITS}}}")


class NotSayable(Refused):
    """The value is not of the kind that was to be said, or there is no such kind or language. The text never tells the value."""

    code = "not_sayable"


class Language(Protocol):
    """What the module of a language can say; each function takes values that have been checked."""

    def number(self, minus: bool, whole: int, places: str) -> list[str]:
        """A number below 10¹²; `places` are the digits behind the point, '' for none."""

    def digits(self, keys: str) -> list[str]:
        """Digits, `*`, `#` and `+`, one by one."""

    def date(self, day: dt.date) -> list[str]:
        """A day with its month and year."""

    def time(self, hour: int, minute: int) -> list[str]:
        """A time of the day."""

    def money(self, minus: bool, yuan: int, fen: int) -> list[str]:
        """An amount in yuan, fen from 0 to 99."""


LANGUAGES: dict[str, Language] = {"zh": zh, "en": en}


def say(kind: str, value: object, language: str) -> list[str]:
    """The fragments that say `value`, in order; never empty.

    Args:
        kind: number, digits, date, time or money.
        value: text as it is written (`-12.5`, `138 0013 8000`, `2026-11-22`, `15:05`), or a number.

    Raises:
        NotSayable: the value is not of its kind; kind or language is not known.
    """
    voice, speak = LANGUAGES.get(language), KINDS.get(kind)
    if voice is None:
        raise NotSayable(f"no language to say values in: {language[:20]!r}; there are {', '.join(LANGUAGES)}")
    if speak is None:
        raise NotSayable(f"no kind of value: {kind[:20]!r}; there are {', '.join(KINDS)}")
    return speak(voice, value)


def _text(value: object, places: int = 0) -> str:
    """A value as it is written; what came out of a calculation is rounded half up to `places`, as expressions round, text is
    taken at its word."""
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() < 20:
        rounded = f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) if places else value:f}"
        return rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**20 else ""
    return value.strip() if isinstance(value, str) else ""


def _checked(kind: str, pattern: re.Pattern[str], text: str, like: str) -> str:
    if not pattern.fullmatch(text):
        raise NotSayable(f"the value is no {kind}; one looks like {like}")
    return text


def _number(voice: Language, value: object) -> list[str]:
    text = _checked("number", _NUMBER, _text(value, 4), "-1200 or 12.5, of 12 digits and 4 places at most")
    whole, _, places = text.lstrip("-").partition(".")
    return voice.number(_below_zero(text), int(whole), places)


def _digits(voice: Language, value: object) -> list[str]:
    keys = re.sub(r"[ -]", "", _text(value))
    _checked("string of digits", _KEYS, keys, f"138 0013 8000, with * # +, {LONGEST_DIGITS} at most")
    return voice.digits(keys)


def _date(voice: Language, value: object) -> list[str]:
    text = _checked("date", _DATE, _text(value), "2026-11-22")
    try:
        return voice.date(dt.date.fromisoformat(text))
    except ValueError:
        raise NotSayable("the value is no date: there is no such day") from None


def _time(voice: Language, value: object) -> list[str]:
    hour, minute = _checked("time", _TIME, _text(value), "15:05").split(":")
    return voice.time(int(hour), int(minute))


def _money(voice: Language, value: object) -> list[str]:
    text = _checked("amount of money", _MONEY, _text(value, 2), "12.50, of 12 digits and 2 places at most")
    yuan, _, places = text.lstrip("-").partition(".")
    return voice.money(_below_zero(text), int(yuan), int(places.ljust(2, "0")))


def _below_zero(text: str) -> bool:
    return text.startswith("-") and Decimal(text) != 0


KINDS: dict[str, Callable[[Language, object], list[str]]] = {
    "number": _number,
    "digits": _digits,
    "date": _date,
    "time": _time,
    "money": _money,
}
