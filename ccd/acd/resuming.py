"""Who hung up while he waited, so that he has his place again if he calls again in time; by number, folded from facts.

The ledger keeps it over a kill -9. Who left by a key, overflowed or was taken out has no place to come back to.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason
from ccd.base.clock import Moment
from ccd.calls.facts import CallArrived, CallEnded

MOST_NUMBERS = 10_000
KEPT_US = 86_400 * 1_000_000
_COMES_BACK = frozenset({LeftReason.ABANDONED, LeftReason.SHORT_ABANDONED, LeftReason.SWITCH_LOST})


class LeftPlace(msgspec.Struct, array_like=True, frozen=True):
    """The place that somebody gave up, when that was, and the queues in which he had it."""

    joined_at: Moment
    left_at: Moment
    queues: tuple[str, ...]


class Waiter(msgspec.Struct, array_like=True):
    """An open call: its number, and the place that it has now with the queues it came through."""

    number: str
    joined_at: Moment = 0
    queues: tuple[str, ...] = ()


class LeftPlaces(msgspec.Struct, kw_only=True):
    """The places by E.164 number, the one that was left last at the end; `open` are the calls that have a number."""

    places: dict[str, LeftPlace] = msgspec.field(default_factory=dict)
    open: dict[str, Waiter] = msgspec.field(default_factory=dict)

    def apply(self, fact: Any) -> None:
        """Follow one fact."""
        if isinstance(fact, CallArrived):
            if fact.caller_e164:
                self.open[fact.call_id] = Waiter(fact.caller_e164)
        elif isinstance(fact, CallerQueued):
            self._queued(fact)
        elif isinstance(fact, CallerLeft):
            self._left(fact)
        elif isinstance(fact, CallEnded):
            self.open.pop(fact.call_id, None)

    def place(self, number: str, queue_id: str, within_ms: int, now: Moment) -> Moment:
        """The place that a number has in a queue because it called before; 0 none."""
        left = self.places.get(number) if number and within_ms else None
        if left is None or queue_id not in left.queues or now > left.left_at + within_ms * 1000:
            return 0
        return left.joined_at

    def _queued(self, fact: CallerQueued) -> None:
        if waiter := self.open.get(fact.call_id):
            through = waiter.queues if fact.moved_from else ()
            waiter.joined_at, waiter.queues = fact.joined_at or fact.at, (*through, fact.queue_id)
            self.places.pop(waiter.number, None)  # taken up, or he has begun to wait anew

    def _left(self, fact: CallerLeft) -> None:
        waiter = self.open.get(fact.call_id)
        if waiter is None or fact.reason not in _COMES_BACK:
            return
        self.places.pop(waiter.number, None)
        self.places[waiter.number] = LeftPlace(waiter.joined_at, fact.at, waiter.queues)
        self._forget(fact.at - KEPT_US)

    def _forget(self, before: Moment) -> None:
        while self.places:
            oldest = next(iter(self.places))
            if len(self.places) <= MOST_NUMBERS and self.places[oldest].left_at >= before:
                return
            del self.places[oldest]
