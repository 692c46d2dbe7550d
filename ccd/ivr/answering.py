"""Answering in time: whatever an unanswered caller hears or waits for, he is answered before his trunk gives him up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from ccd.base.clock import Timer, ms_between
from ccd.switch.commands import Answer

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MARGIN_MS = 3_000
AGAIN_S = 2.0


def answer_in_time(talk: Talk, limit_ms: int) -> Callable[[], None]:
    """Have a call answered shortly before `limit_ms` after its arrival, 0 for never; returns what calls that off.

    The moment counts from the arrival, so that it is the same after a restart.
    """
    timers: list[Timer] = []

    def due() -> None:
        leg = talk.leg
        if leg.answered_at or leg.in_fallback or talk.mailbox.gone is not None:
            return
        if len(timers) == 1:
            log.info("answered_before_trunk_gives_up", call_id=talk.call.call_id, trunk=talk.call.trunk)
        talk.switch.tell(Answer(leg_id=leg.leg_id))
        later(AGAIN_S)  # the order may go down with a connection

    def later(seconds: float) -> None:
        timers.append(talk.clock.call_later(seconds, due))

    def off() -> None:
        if timers:
            timers[-1].cancel()

    if limit_ms and not talk.leg.answered_at:
        waited = ms_between(talk.call.arrived_at, talk.clock.now())
        later(max(0, limit_ms - min(MARGIN_MS, limit_ms // 4) - waited) / 1000)
    return off
