"""Whom an entry means: a number, a prefix, a pattern or callers without a number; and the key that files sort by. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from ccd.base.errors import Refused
from ccd.base.numbering import MAX_DIGITS, Numbering, normalise
from ccd.base.numbering import Kind as NumberKind

WITHHELD = "withheld"
KEY_BITS = 56
"""Above the digits of a key stands 0 for a number and its length + 1 for a prefix."""

_NOISE = re.compile(r"[\s().\-\u2010-\u2015/]+")
_WILD = re.compile(r"\+(?:[1-9?*][0-9?*]*)?", re.ASCII)
_STARS = re.compile(r"\*+")
_WORDS = frozenset({WITHHELD, "anonymous"})
_NO_FORM = {
    NumberKind.EMERGENCY: "is an emergency number, and no list may hold one",
    NumberKind.INTERNAL: "is an internal number: it has no E.164 form, by which lists compare",
    NumberKind.WITHHELD: f"is no number; callers without one are written {WITHHELD}",
}


class Kind(StrEnum):
    """How a subject means its callers."""

    EXACT = "exact"
    PREFIX = "prefix"
    PATTERN = "pattern"


class Subject(msgspec.Struct, frozen=True):
    """A subject as it is kept: +8613800138000, +8617*, +86?1*88 or withheld. Patterns have no key."""

    text: str
    kind: Kind
    key: int = -1


def number_key(digits: str) -> int:
    """The key of a number in E.164 form, given without its plus; of '' that of callers without one."""
    return int(digits) if digits else 0


def prefix_key(digits: str) -> int:
    """The key of a prefix, given without its plus."""
    return (len(digits) + 1) << KEY_BITS | (int(digits) if digits else 0)


def fixed_digits(text: str) -> int:
    """How many digits a subject fixes: of two patterns the one that fixes more counts."""
    return sum(sign.isdigit() for sign in text)


def kept_subject(text: str) -> Subject:
    """A subject as this module has written it before."""
    if text == WITHHELD:
        return Subject(text, Kind.EXACT, 0)
    if (text.endswith("*") and text[1:-1].isdecimal()) or text == "+*":
        return Subject(text, Kind.PREFIX, prefix_key(text[1:-1]))
    if "*" in text or "?" in text:
        return Subject(text, Kind.PATTERN)
    return Subject(text, Kind.EXACT, number_key(text[1:]))


def read_subject(written: str, rules: Numbering) -> Subject:
    """What somebody wrote, in any form that a number may have; Refused says what is wrong."""
    if written.strip().lower() in _WORDS:
        return kept_subject(WITHHELD)
    shown = repr(written[:40])
    if "*" in written or "?" in written:
        plain = _STARS.sub("*", _NOISE.sub("", written))
        plain = "+" + plain[2:] if plain.startswith("00") else plain
        if not _WILD.fullmatch(plain):
            raise Refused(
                f"{shown}: a prefix or pattern is a plus, the country code and digits, with * for any number of digits"
                " and ? for one, like +8617* or +86571????0000"
            )
        if len(plain.replace("*", "")) > MAX_DIGITS + 1:
            raise Refused(f"{shown}: a number has at most {MAX_DIGITS} digits")
        return kept_subject(plain)
    number = normalise(written, rules)
    if not number.e164:
        raise Refused(f"{shown} {_NO_FORM.get(number.kind, 'is no number that has an E.164 form here')}")
    return kept_subject(number.e164)
