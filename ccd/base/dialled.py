"""Dialled numbers: made whole where a trunk sends only the last digits, in the forms that routes are compared with. Pure."""

from __future__ import annotations

import msgspec

from ccd.base.numbering import CHINA, Kind, Numbering, e164_of, normalise


class Dialled(msgspec.Struct, frozen=True, kw_only=True):
    """A dialled number as it was sent, whole, and in E.164; `national` is how people of the country write it.

    `e164` and `national` are empty for a number that has no such form.
    """

    sent: str
    full: str
    e164: str = ""
    national: str = ""

    @property
    def key(self) -> str:
        """What two ways to write one number have in common."""
        return self.e164 or self.full

    @property
    def forms(self) -> tuple[str, ...]:
        """Every way in which a route may begin this number, the surest first; as sent comes last."""
        return tuple(dict.fromkeys(form for form in (self.full, self.national, self.e164, self.sent) if form))


def complete(sent: str, digits: int, prefix: str) -> str:
    """The whole number, where a trunk sends the last `digits` of it (0: all of them); another count is left as it is."""
    return f"{prefix}{sent}" if digits and len(sent) == digits and sent.isascii() and sent.isdecimal() else sent


def dialled(sent: str, rules: Numbering, *, digits: int = 0, prefix: str = "") -> Dialled:
    """What was dialled, when it came over a trunk that sends so many digits."""
    full = complete(sent, digits, prefix)
    number = normalise(full, rules)
    return Dialled(sent=sent, full=full, e164=number.e164, national=_national(number.e164, number.kind, rules))


def _national(e164: str, kind: Kind, rules: Numbering) -> str:
    if not e164.startswith(f"+{rules.country}"):
        return ""
    rest = e164.removeprefix(f"+{rules.country}")
    if kind is Kind.SERVICE and e164_of(rest, rules) != e164:  # another city's: 021 95588
        return f"0{rest}"
    return f"0{rest}" if kind is Kind.LANDLINE or rules.country != CHINA else rest
