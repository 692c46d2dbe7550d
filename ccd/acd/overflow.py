"""Overflow: which of a queue's rules takes a caller out of it, when, and where to. Pure; `exits` carries it out.

`closed`, `full`, `position` and the absence of agents are looked at when he joins, in this order; a wait that was too long and
the absence of agents (rules that hold `always`) have their due times while he waits; a key is his own doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from ccd.acd.facts import LeftReason
from ccd.base.clock import Moment

if TYPE_CHECKING:
    from ccd.acd.model import Queue

MOST_HOPS = 5
"""A caller overflows into so many queues one after the other; then his flow says what becomes of him."""
EDGE = "edge"


class When(StrEnum):
    """What makes a caller overflow. Who is on break is signed in, and not available; who talks is available."""

    WAITED = "waited"
    POSITION = "position"
    NO_AGENTS = "no_agents"
    NONE_AVAILABLE = "none_available"
    FULL = "full"
    CLOSED = "closed"
    EXIT_KEY = "exit_key"


class At(StrEnum):
    """Whether a rule looks at those who join only, or also at those who wait already."""

    JOIN = "join"
    ALWAYS = "always"


STAFF = (When.NO_AGENTS, When.NONE_AVAILABLE)
REASONS = {
    When.WAITED: LeftReason.TIMED_OUT,
    When.POSITION: LeftReason.OVERFLOWED,
    When.NO_AGENTS: LeftReason.NO_AGENTS,
    When.NONE_AVAILABLE: LeftReason.NO_AGENTS,
    When.FULL: LeftReason.FULL,
    When.CLOSED: LeftReason.CLOSED,
    When.EXIT_KEY: LeftReason.EXIT_KEY,
}


class Overflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One rule. `to`: queue:NAME, flow:NAME, number:N, voicemail:BOX, or edge, which is the flow's own.

    `after_ms`: so long he has waited (`waited`), or nobody has been there (`no_agents`, `none_available`). `position`: how many
    may stand before him. `key`: what he presses.
    """

    when: When
    to: str = EDGE
    after_ms: int = 0
    position: int = 0
    key: str = ""
    at: At = At.JOIN


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as a caller finds it. `deserted_since`: nobody has been signed in since; `unserved_since`: nobody has been
    available; None while somebody is."""

    closed: bool = False
    waiting: int = 0
    ahead: int = 0
    deserted_since: Moment | None = None
    unserved_since: Moment | None = None


class Way(msgspec.Struct, frozen=True):
    """How a caller leaves, and where to."""

    reason: LeftReason
    to: str


def way_of(rule: Overflow) -> Way:
    """How a caller leaves by a rule."""
    return Way(REASONS[rule.when], rule.to)


def at_join(queue: Queue, seen: Seen, now: Moment) -> Way | None:
    """Why a caller may not join, and where he is sent instead; None lets him in."""
    if seen.closed:
        return _first(queue, When.CLOSED) or Way(LeftReason.CLOSED, EDGE)
    if queue.max_waiting and seen.waiting >= queue.max_waiting:
        return _first(queue, When.FULL) or Way(LeftReason.FULL, EDGE)
    for rule in queue.overflow:
        since = _absent_since(rule, seen)
        if since is not None and now >= since + rule.after_ms * 1000:
            return way_of(rule)
        if rule.when is When.POSITION and seen.ahead >= rule.position:
            return way_of(rule)
    return None


def due(queue: Queue, entered_at: Moment, seen: Seen) -> tuple[Moment, Way] | None:
    """When the next thing takes a waiting caller out, and how: the earliest, and of several the rule that stands first."""
    coming: list[tuple[Moment, Way]] = []
    for rule in queue.overflow:
        since = _absent_since(rule, seen) if rule.at is At.ALWAYS else None
        if rule.when is When.WAITED:
            coming.append((entered_at + rule.after_ms * 1000, way_of(rule)))
        elif since is not None:
            coming.append((since + rule.after_ms * 1000, way_of(rule)))
    if queue.max_wait_ms:
        coming.append((entered_at + queue.max_wait_ms * 1000, Way(LeftReason.TIMED_OUT, EDGE)))
    return min(coming, key=lambda one: one[0], default=None)


def by_key(queue: Queue, key: str) -> Way | None:
    """How a caller leaves who presses a key; None where it means nothing."""
    return next((way_of(one) for one in queue.overflow if one.when is When.EXIT_KEY and one.key == key), None)


def keys(queue: Queue) -> frozenset[str]:
    """The keys that lead out of a queue."""
    return frozenset(one.key for one in queue.overflow if one.when is When.EXIT_KEY)


def watches(queue: Queue, *whens: When) -> bool:
    """Whether a queue has a rule of these kinds: what no rule asks for need not be counted."""
    return any(one.when in whens for one in queue.overflow)


def watches_always(queue: Queue) -> bool:
    """Whether those who wait already may leave because nobody is there."""
    return any(one.when in STAFF and one.at is At.ALWAYS for one in queue.overflow)


def _first(queue: Queue, when: When) -> Way | None:
    return next((way_of(one) for one in queue.overflow if one.when is when), None)


def _absent_since(rule: Overflow, seen: Seen) -> Moment | None:
    if rule.when is When.NO_AGENTS:
        return seen.deserted_since
    return seen.unserved_since if rule.when is When.NONE_AVAILABLE else None


def target_of(to: str) -> tuple[str, str]:
    """What a target is, and its name: `("queue", "sales")`, `("edge", "")`."""
    kind, _, name = to.partition(":")
    return kind, name


def circle(queues: Iterable[Queue]) -> list[str]:
    """The names of queues that overflow into each other in a circle, the first of them again at the end; [] there is none."""
    leads = {
        queue.name: [name for kind, name in (target_of(one.to) for one in queue.overflow) if kind == "queue"]
        for queue in queues
    }
    clear: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in clear:
            return []
        for onward in leads.get(name, ()):
            if found := follow(onward, [*way, name]):
                return found
        clear.add(name)
        return []

    return next((found for name in leads if (found := follow(name, []))), [])


def longest_chain(queues: Iterable[Queue]) -> list[str]:
    """The names of the most queues that a caller may overflow through, one after the other; for queues without a circle."""
    leads = {
        queue.name: [name for kind, name in (target_of(one.to) for one in queue.overflow) if kind == "queue"]
        for queue in queues
    }
    known: dict[str, list[str]] = {}

    def chain(name: str) -> list[str]:
        if name not in known:
            known[name] = [name, *max((chain(onward) for onward in leads.get(name, ())), key=len, default=[])]
        return known[name]

    return max((chain(name) for name in leads), key=len, default=[])


def leaves_in_time(queue: Queue) -> bool:
    """Whether everybody leaves a queue some time, whatever agents do: it has a longest wait, or a rule by waiting time."""
    return bool(queue.max_wait_ms) or any(rule.when is When.WAITED for rule in queue.overflow)
