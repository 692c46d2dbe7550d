"""What becomes of callers and agents when a leg ends, or stands parked before us. For ccd.acd, as `Acd.legs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ccd.acd.callers import QueuedCaller, Stay
from ccd.acd.leaving import abandoned
from ccd.acd.ports import Ports
from ccd.calls.facts import LegEnded, LegParked, Role, ended_by_far_end

if TYPE_CHECKING:
    from ccd.acd.service import Acd


class Legs:
    """Hands what legs do to whoever owns them: an offer, a conversation, a standing agent, a caller's stay in `by_leg`."""

    def __init__(self, ports: Ports, acd: Acd, by_leg: Mapping[str, QueuedCaller]) -> None:
        self._by_leg = by_leg
        self._ports = ports
        self._acd = acd

    def on_ended(self, fact: LegEnded) -> None:
        """A caller hung up, or an agent's leg is gone."""
        self._acd.gone.look_soon()
        if fact.role in (Role.AGENT, Role.STANDING):
            self._acd.standing.is_gone(fact.leg_id)
            self._acd.offers.endings.on_agent_leg_ended(fact)
            self._acd.talks.on_agent_leg_ended(fact)
            self._acd.standing.on_leg_ended(fact)
            return
        self._acd.roster.seats.phones.forget_leg(fact.leg_id)
        caller = self._by_leg.get(fact.leg_id)
        if caller is None:
            return
        if caller.stay in (Stay.TALKING, Stay.ENDING):
            self._acd.talks.end(caller, caller.ended_at or fact.at, ended_by_far_end(fact.cause, fact.disposition))
            self._acd.talks.see_off(caller)
        if caller.stay is Stay.TALKED:
            self._acd.talks.forget(caller)
        else:
            lost = fact.cause == "SWITCH_LOST"
            queue = self._acd.queues[caller.queue_id].settings
            self._acd.leave(caller, abandoned(queue, caller.joined_at, fact.at, lost=lost), fact.at)

    def on_parked(self, fact: LegParked) -> None:
        """A leg may be driven: an agent who answered is bridged, a caller who came back waits or goes on in his flow."""
        if fact.role is Role.AGENT:
            self._acd.offers.bridging.on_agent_parked(fact)
            return
        if fact.role is Role.STANDING:
            self._acd.standing.on_parked(fact)
            return
        caller = self._by_leg.get(fact.leg_id)
        if caller is None:
            return
        self.came_back(caller)

    def came_back(self, caller: QueuedCaller) -> None:
        """A caller's leg stands parked: he waits again, or his flow goes on, if he was with an agent."""
        self._acd.awaited.came(caller)
        if caller.stay is Stay.RETURNING:
            self._ports.hold_lease(caller.node, caller.leg_id)
            self._acd.wait(caller)
        elif caller.stay is Stay.ENDING:
            self._acd.talks.agent_gone(caller, caller.ended_at)
        elif caller.stay is Stay.TALKED:
            self._acd.release(caller)
