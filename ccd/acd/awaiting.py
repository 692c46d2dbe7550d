"""Callers whose legs are on their way back to us from an agent: the switch's word for it may be lost, and so it has a deadline.

Nobody may stand for ever between an agent and his queue or flow. When the word is late the switch is asked, and what it says is
followed as an event would be; a leg that it has, and that is neither parked nor bridged time and again, is ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.facts import LeftReason
from ccd.acd.ports import Ports
from ccd.calls.facts import EndedBy
from ccd.switch.commands import Hangup

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

PARK_S = 5.0
"""A leg stands parked, or is gone, tens of milliseconds after its agent."""
MOST_LOOKS = 6
_COMES = (Stay.RETURNING, Stay.ENDING, Stay.TALKED)


class Awaited:
    """The deadlines, one a caller."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ports = ports
        self._acd = acd

    def expect(self, caller: QueuedCaller, looks: int = 0) -> None:
        """His leg will stand parked, or end; until then nothing can be done for him."""
        self.came(caller)
        caller.awaited = self._ports.clock.call_later(PARK_S, lambda: self._overdue(caller, looks))

    def came(self, caller: QueuedCaller) -> None:
        """He is there, or gone."""
        if caller.awaited is not None:
            caller.awaited.cancel()
            caller.awaited = None

    def gone_elsewhere(self, leg_id: str) -> None:
        """His leg went to the site's fallback by itself: whatever he did in a queue is over."""
        caller = self._acd.caller_of(leg_id)
        if caller is None:
            return
        now = self._ports.clock.now()
        if caller.stay in (Stay.TALKING, Stay.ENDING):
            self._acd.talks.end(caller, caller.ended_at or now, EndedBy.AGENT)
        if caller.stay is Stay.TALKED:
            self._acd.talks.forget(caller)
        else:
            self._acd.leave(caller, LeftReason.OVERFLOWED, now)

    def _overdue(self, caller: QueuedCaller, looks: int) -> None:
        caller.awaited = None
        if self._acd.caller_of(caller.leg_id) is not caller or caller.stay not in _COMES:
            return
        log.warning("caller_awaited_too_long", call_id=caller.call_id, leg_id=caller.leg_id, stay=str(caller.stay))
        if self._ports.is_parked(caller.leg_id):
            self._acd.legs.came_back(caller)
        elif not self._ports.node_is_up(caller.node):
            self.expect(caller, looks)  # the reconciliation that follows finds out
        elif looks >= MOST_LOOKS:
            self._ports.switch_of(caller.node).tell(Hangup(leg_id=caller.leg_id, cause="NORMAL_CLEARING"))
            self._ports.lose_leg(caller.leg_id, "LOST")
        else:
            self.expect(caller, looks + 1)
            self._ports.look_at(caller.node, caller.leg_id)
