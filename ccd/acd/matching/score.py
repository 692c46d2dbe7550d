"""A caller's place in line as one number, comparable over all queues: the moment from which he counts as waiting."""

from __future__ import annotations

from ccd.base.clock import Moment

STRICT_US = 10**15
"""What a point of priority is worth where nothing ages: some thirty years of waiting."""


def place_of(joined_at: Moment, priority: int, *, head_start_ms: int = 0, ageing_ms: int = 0) -> int:
    """The moment, in microseconds, from which a caller counts as waiting; whoever has the smaller one is served first.

    Waiting counts for everybody alike, so the order of two callers never changes while they wait. A point of priority is
    worth `ageing_ms` of waiting (0: no waiting outweighs it), a caller of a queue with a head start as much more.
    """
    worth_us = ageing_ms * 1_000 if ageing_ms else STRICT_US
    return joined_at - head_start_ms * 1_000 - priority * worth_us
