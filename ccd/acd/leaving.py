"""How a visit of a queue is called that its caller ended himself. Pure; for whoever tells that a caller left."""

from __future__ import annotations

from ccd.acd.facts import LeftReason
from ccd.acd.model import Queue
from ccd.base.clock import Moment, ms_between


def abandoned(queue: Queue | None, joined_at: Moment, at: Moment, *, lost: bool = False) -> LeftReason:
    """The caller is gone: lost with his switch, sooner than his queue counts, or else abandoned."""
    if lost:
        return LeftReason.SWITCH_LOST
    short = queue is not None and ms_between(joined_at, at) < queue.short_abandon_ms
    return LeftReason.SHORT_ABANDONED if short else LeftReason.ABANDONED
