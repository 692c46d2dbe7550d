"""Telephone numbers as lists, routes and history compare them: what arrives from a trunk, and its E.164 form. Pure.

The rules are those of the Chinese numbering plan; a site of another country gets the general ones (plus, 00, trunk prefix 0).
Nothing here refuses a number: what is not understood keeps its raw form and has no E.164 form.
"""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

CHINA = "86"
MAX_DIGITS = 15  # E.164


class Kind(StrEnum):
    """What a number is."""

    WITHHELD = "withheld"
    EMERGENCY = "emergency"
    MOBILE = "mobile"
    LANDLINE = "landline"
    SERVICE = "service"
    PREMIUM = "premium"
    INTERNATIONAL = "international"
    INTERNAL = "internal"
    UNKNOWN = "unknown"


class Numbering(msgspec.Struct, frozen=True, kw_only=True):
    """Where a site is: its country code, its own area code (`021`; empty where none), the prefix for an outside line."""

    country: str = CHINA
    area: str = ""
    outside: str = ""


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A number as it came and as it is compared; `e164` is empty where there is none."""

    raw: str
    kind: Kind
    e164: str = ""


# What gateways and carriers write where the caller's number is withheld.
_WITHHELD = frozenset(
    {
        *("", "anonymous", "anonymous caller", "unknown", "restricted", "private", "private number", "unavailable"),
        *(
            "withheld",
            "withheld number",
            "asserted",
            "none",
            "null",
            "blocked",
            "hidden",
            "no number",
            "number withheld",
        ),
        *("presentation-restricted", "number-not-available", "not available", "p", "o", "未知", "匿名"),
    }
)
_NOISE = re.compile(r"[\s().\-\u2010-\u2015/]+")
_ZEROS = re.compile(r"0+")
_IP_ACCESS = re.compile(r"(?:179\d{2}|12593|1018\d|193|11808)(?=\d{7})")
_EMERGENCY = re.compile(r"(?:0\d{2,3})?(?:110|119|120|122)")
_AREA = r"10|2\d|[3-9]\d{2}"
# What a national number can be, the first that fits; its E.164 form is what stands in brackets, behind +86.
_PLAN: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.MOBILE, re.compile(r"0?(1[3-9]\d{9})")),
    (Kind.SERVICE, re.compile(r"((?:400|800)\d{7})")),
    (Kind.SERVICE, re.compile(r"(95\d{3,6}|96\d{3,4}|10\d{3}|12\d{3}|11\d|11[68]114)")),
    (Kind.SERVICE, re.compile(rf"0({_AREA})(95\d{{3,6}}|96\d{{3,4}}|12\d{{3}}|1\d{{2}})")),
    (Kind.PREMIUM, re.compile(r"((?:168|160|161)\d+)")),
    (Kind.LANDLINE, re.compile(rf"0?({_AREA})([2-8]\d{{6,7}})")),
)
_LOCAL = re.compile(r"[2-8]\d{6,7}")


def is_withheld(raw: str) -> bool:
    """Whether a caller's number was withheld: nothing, a word that trunks put in its place, or nothing but zeros."""
    text = raw.strip().strip("\"'<>").strip().lower()
    digits = _NOISE.sub("", text)
    return text in _WITHHELD or not digits or bool(_ZEROS.fullmatch(digits))


def normalise(raw: str, rules: Numbering) -> Number:
    """What `raw` is at a site with these rules."""
    if is_withheld(raw):
        return Number(raw=raw, kind=Kind.WITHHELD)
    digits = _NOISE.sub("", raw)
    if not re.fullmatch(r"\+?[0-9]{1,32}", digits, re.ASCII):
        return Number(raw=raw, kind=Kind.UNKNOWN)
    kind, e164 = _china(digits, rules) if rules.country == CHINA else _elsewhere(digits, rules)
    if len(e164) > MAX_DIGITS + 1:
        kind, e164 = Kind.UNKNOWN, ""
    return Number(raw=raw, kind=kind, e164=e164)


def e164_of(raw: str, rules: Numbering) -> str:
    """The E.164 form alone, '' where there is none."""
    return normalise(raw, rules).e164


def _without(prefix: str, digits: str) -> str:
    """A number behind the outside-line prefix; one that is nothing but the prefix stays."""
    return digits[len(prefix) :] if prefix and digits.startswith(prefix) and len(digits) > len(prefix) + 2 else digits


def _china(digits: str, rules: Numbering) -> tuple[Kind, str]:
    if digits.startswith(("+", "00")):
        foreign = digits.removeprefix("+") if digits.startswith("+") else digits[2:]
        if not foreign.startswith(CHINA):
            return (Kind.INTERNATIONAL, f"+{foreign}") if len(foreign) >= 7 else (Kind.UNKNOWN, "")
        return _national(foreign.removeprefix(CHINA), rules)
    found = _national(digits, rules)
    if found[0] is Kind.UNKNOWN and digits.startswith(CHINA):  # some trunks send the country without a plus
        found = _national(digits.removeprefix(CHINA), rules, local=False)
    if found[0] in (Kind.UNKNOWN, Kind.INTERNAL) and _without(rules.outside, digits) != digits:
        return _china(_without(rules.outside, digits), Numbering(country=rules.country, area=rules.area))
    return found


def _national(digits: str, rules: Numbering, *, local: bool = True) -> tuple[Kind, str]:
    if _EMERGENCY.fullmatch(digits):
        return Kind.EMERGENCY, ""
    digits = _IP_ACCESS.sub("", digits, count=1) if _IP_ACCESS.match(digits) else digits
    for kind, pattern in _PLAN:
        if found := pattern.fullmatch(digits):
            return kind, f"+{CHINA}{''.join(found.groups())}"
    if local and _LOCAL.fullmatch(digits):
        return Kind.LANDLINE, f"+{CHINA}{rules.area.lstrip('0')}{digits}" if rules.area else ""
    if local and len(digits) <= 6 and not digits.startswith("0"):
        return Kind.INTERNAL, ""
    return Kind.UNKNOWN, ""


def _elsewhere(digits: str, rules: Numbering) -> tuple[Kind, str]:
    digits = _without(rules.outside, digits)
    if digits.startswith("+"):
        return _foreign(digits[1:], rules)
    if digits.startswith("00"):
        return _foreign(digits[2:], rules)
    if digits.startswith("0") and len(digits) >= 7:
        return Kind.LANDLINE, f"+{rules.country}{digits[1:]}"
    if len(digits) <= 6:
        return Kind.INTERNAL, ""
    area = rules.area.lstrip("0")
    return (Kind.LANDLINE, f"+{rules.country}{area}{digits}") if area else (Kind.UNKNOWN, "")


def _foreign(digits: str, rules: Numbering) -> tuple[Kind, str]:
    if len(digits) < 7:
        return Kind.UNKNOWN, ""
    return (Kind.LANDLINE if digits.startswith(rules.country) else Kind.INTERNATIONAL), f"+{digits}"
