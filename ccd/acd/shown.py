"""What an agent's phone shows of a caller: a name by the queue's template, a number that may be masked. Pure.

Templates know a closed list of fields; nothing in one is ever looked up as an attribute or an index.
"""

from __future__ import annotations

import re

from ccd.base import words

FIELDS: dict[str, str] = {
    "number": "the caller's number, as `shown_number` has it",
    "name": "the caller's name, if his network tells one",
    "queue": "the queue's name",
    "wait": "how long he has waited, as in 3:20",
    "class": "what the lists say of him: VIP, blacklist, malicious, whitelist or withheld",
    "dialled": "the number that he dialled",
}
NUMBERS = ("full", "masked", "none")
LONGEST = 80

_FIELD = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"[0-9*#+]{1,32}")
_DIGITS = re.compile(r"\+?\d(?:[\W_]{0,3}\d){4,}")
"""A number as people write one, with blanks and dashes between, in the digits of any script."""


def fault_of(template: str) -> str:
    """What is wrong with a template, '' nothing."""
    if len(template) > LONGEST:
        return f"at most {LONGEST} characters"
    for name in _FIELD.findall(template):
        if name not in FIELDS:
            return f"no field {name[:20]!r}; there are {', '.join(FIELDS)}"
    text = _FIELD.sub("", template)
    if "{" in text or "}" in text:
        return "a brace that belongs to no field; a field is written {number}"
    if bad := words.not_displayed(text):
        return f"{bad!r} can't be shown on a phone; letters, digits, spaces and {words.DISPLAYED} can"
    return ""


def filled(template: str, values: dict[str, str]) -> str:
    """What the phone shows: the fields filled in, and of them only what may go to the switch; '' if nothing is left."""
    return words.displayed(_FIELD.sub(lambda found: values.get(found[1], ""), template))


def number_shown(number: str, how: str) -> str:
    """The caller's number for the phone; what is no number is not passed on."""
    if how == "none" or not _NUMBER.fullmatch(number):
        return ""
    return masked(number) if how == "masked" else number


def masked(number: str) -> str:
    """138****8000: the last four stay, the four before them do not; of a short number only the last two are left."""
    if len(number) < 8:
        return "*" * max(len(number) - 2, 1) + number[-2:] if len(number) > 2 else "*" * len(number)
    return f"{number[:-8]}****{number[-4:]}"


def name_shown(name: str, how: str) -> str:
    """The caller's name as his network tells it, which often is his number: that is shown no better than his number."""
    return name if how == "full" else _DIGITS.sub(lambda found: _digits_shown(found[0], how), name)


def _digits_shown(text: str, how: str) -> str:
    digits = "".join(str(int(one)) for one in text if one.isdecimal())
    return number_shown(("+" if text[0] == "+" else "") + digits, how)


def as_clock(ms: int) -> str:
    """A wait as minutes and seconds: 3:20."""
    seconds = ms // 1000
    return f"{seconds // 60}:{seconds % 60:02d}"
