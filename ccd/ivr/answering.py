"""Answering in time: whatever an unanswered caller hears or waits for, he is answered before his trunk gives him up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ccd.base.clock import Timer, ms_between
from ccd.switch.commands import Answer

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

MARGIN_MS = 3_000
AGAIN_S = 2.0


class AnswerInTime:
    """Has a call answered shortly before `limit_ms` after its arrival, 0 for never, unless it is called off.

    The moment counts from the arrival, so that it is the same after a restart.
    """

    def __init__(self, talk: Talk, limit_ms: int) -> None:
        self._talk = talk
        self._timer: Timer | None = None
        self._told = False
        if limit_ms and not talk.leg.answered_at:
            waited = ms_between(talk.call.arrived_at, talk.clock.now())
            self._later(max(0, limit_ms - min(MARGIN_MS, limit_ms // 4) - waited) / 1000)

    def call_off(self) -> None:
        """It is answered, or over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _later(self, seconds: float) -> None:
        self._timer = self._talk.clock.call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        talk, leg = self._talk, self._talk.leg
        if leg.answered_at or leg.in_fallback or talk.mailbox.gone is not None:
            return
        if not self._told:
            self._told = True
            log.info("answered_before_trunk_gives_up", call_id=talk.call.call_id, trunk=talk.call.trunk)
        talk.switch.tell(Answer(leg_id=leg.leg_id))
        self._later(AGAIN_S)  # the order may go down with a connection
