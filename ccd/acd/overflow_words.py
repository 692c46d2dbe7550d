"""Overflow rules as people write them, `60s queue:sales`, and what is wrong with one. Pure; for side and CLI."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ccd.acd.overflow import EDGE, STAFF, At, Overflow, When, target_of
from ccd.base import words
from ccd.base.errors import Unsafe
from ccd.settings.units import DURATION, duration_ms, duration_text

LONGEST_MS = 86_400_000
MOST_RULES = 32
MOST_POSITION = 10_000
KINDS = ("queue", "flow", "number", "voicemail")
EXAMPLES = "60s queue:sales, full voicemail:night, key 0 flow:menu, no_agents always 30s edge"
_SPLIT = re.compile(rf"(?P<cause>\S.*?)\s+(?P<to>(?:{'|'.join(KINDS)}):\S.*|{EDGE})")


def read(text: str) -> Overflow:
    """A rule as it is typed.

    Raises:
        ValueError: it is none; the text says why.
    """
    split = _SPLIT.fullmatch(text.strip())
    if split is None:
        raise ValueError(f"{text[:80]!r} is no rule; some are: {EXAMPLES}")
    first, *rest = split["cause"].split()
    if DURATION.fullmatch(first):
        first, rest = "waited", [first, *rest]
    if first == "key":
        first = When.EXIT_KEY.value
    try:
        when = When(first)
    except ValueError:
        known = ", ".join("key" if one is When.EXIT_KEY else one.value for one in When)
        raise ValueError(f"{first[:40]!r} is no cause of overflow; known: {known}") from None
    return _made(when, rest, split["to"], text)


def _made(when: When, rest: list[str], to: str, text: str) -> Overflow:
    after_ms, position, key, at = 0, 0, "", At.JOIN
    for word in rest:
        if when is When.EXIT_KEY and not key:
            key = word
        elif when is When.POSITION and not position and word.isdecimal():
            position = int(word[:9])
        elif when in STAFF and word in (At.JOIN, At.ALWAYS):
            at = At(word)
        elif when in (When.WAITED, *STAFF) and not after_ms and DURATION.fullmatch(word):
            after_ms = duration_ms(word)
        else:
            raise ValueError(f"{text[:80]!r}: {word[:40]!r} means nothing there; some rules are: {EXAMPLES}")
    return Overflow(when=when, to=to, after_ms=after_ms, position=position, key=key, at=at)


def written(rule: Overflow) -> str:
    """A rule as it is typed."""
    time = duration_text(rule.after_ms) if rule.after_ms else ""
    match rule.when:
        case When.WAITED:
            cause = [time or "0"]
        case When.EXIT_KEY:
            cause = ["key", rule.key]
        case When.POSITION:
            cause = ["position", str(rule.position)]
        case _:
            always = rule.at.value if rule.at is At.ALWAYS else ""
            cause = [one for one in (rule.when.value, always, time) if one]
    return " ".join([*cause, rule.to])


def faults(rules: Iterable[Overflow]) -> list[str]:
    """What is wrong with a queue's rules as such, whatever the names in them; a line each."""
    found: list[str] = []
    known: set[tuple[object, ...]] = set()
    every = list(rules)
    if len(every) > MOST_RULES:
        return [f"{len(every)} rules; {MOST_RULES} are the most"]
    for rule in every:
        text = "".join(one if one.isprintable() else "?" for one in written(rule)[:80])
        found += [f"{text}: {fault}" for fault in _faults(rule)]
        same = (rule.when, rule.after_ms, rule.position, rule.key, rule.at)
        if same in known:
            found.append(f"{text}: there are two rules for that")
        known.add(same)
    return found


def _faults(rule: Overflow) -> list[str]:
    found = []
    if not 0 <= rule.after_ms <= LONGEST_MS:
        found.append(f"a time is from 0s to {duration_text(LONGEST_MS)}")
    if rule.when is When.WAITED and rule.after_ms == 0:
        found.append("needs a waiting time, as in 60s")
    if rule.after_ms and rule.when not in (When.WAITED, *STAFF):
        found.append("takes no time")
    if rule.when is When.POSITION and not 1 <= rule.position <= MOST_POSITION:
        found.append(f"needs a position from 1 to {MOST_POSITION}")
    if rule.position and rule.when is not When.POSITION:
        found.append("takes no position")
    if rule.when is When.EXIT_KEY and not re.fullmatch(r"[0-9*#]", rule.key):
        found.append("needs one key: 0 to 9, * or #")
    if rule.key and rule.when is not When.EXIT_KEY:
        found.append("takes no key")
    if rule.at is At.ALWAYS and rule.when not in STAFF:
        found.append(f"always goes with {' and '.join(STAFF)} only")
    return found + _target_faults(rule.to)


def _target_faults(to: str) -> list[str]:
    kind, name = target_of(to)
    if to == EDGE:
        return []
    if kind not in KINDS or not name or not name.isprintable() or len(name) > 64:
        return [f"leads to {to[:40]!r}, which is none of {', '.join(f'{one}:NAME' for one in KINDS)} and {EDGE}"]
    if kind == "number":
        try:
            words.number(name)
        except Unsafe:
            return [f"{name[:40]!r} is no number: digits, * # and +, at most 32"]
    return []
