"""Conversations between callers and agents: what either side's end means, and what undoes one that was too short."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ccd.acd.callers import Offer, QueuedCaller, Stay
from ccd.acd.causes import penalty_of
from ccd.acd.facts import CallerReturned, OfferResult, TalkEnded
from ccd.acd.model import Activity
from ccd.acd.ports import Ports
from ccd.base.clock import Moment, ms_between
from ccd.calls import onchannel
from ccd.calls.facts import EndedBy, LegEnded
from ccd.switch.commands import Hangup, SetVariables

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

GRACE_S = 3.0


class Talks:
    """All conversations, by the agent's leg. Each began as an offer that was accepted."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._by_leg: dict[str, Offer] = {}
        self._ports = ports
        self._acd = acd

    def begin(self, offer: Offer) -> None:
        """Caller and agent of this offer hear each other; the end of the agent's leg is the end of the conversation."""
        self._by_leg[offer.leg_id] = offer

    def uses(self, queue_id: str) -> bool:
        """Whether a conversation of that queue goes on."""
        return any(offer.queue_id == queue_id for offer in self._by_leg.values())

    def has(self, agent_id: str) -> bool:
        """Whether an agent is in a conversation."""
        return any(offer.agent_id == agent_id for offer in self._by_leg.values())

    def on_agent_leg_ended(self, fact: LegEnded) -> None:
        """When the customer hangs up, the switch ends the agent's leg first and says so first."""
        offer = self._by_leg.pop(fact.leg_id, None)
        if offer is not None:
            self._over(offer, fact.at, by_switch=fact.disposition == "send_bye")

    def line_is_back(self, leg_id: str, at: Moment) -> None:
        """A standing leg stands parked again; the caller's own next event says who ended the conversation."""
        offer = self._by_leg.pop(leg_id, None)
        if offer is not None:
            self._over(offer, at, by_switch=True)

    def leg_of(self, agent_id: str) -> Offer | None:
        """The accepted offer whose conversation an agent is in, None for none."""
        return next((offer for offer in self._by_leg.values() if offer.agent_id == agent_id), None)

    def _over(self, offer: Offer, at: Moment, *, by_switch: bool) -> None:
        if offer.timer is not None:
            offer.timer.cancel()
            offer.timer = None
        agent = self._acd.roster.agents.get(offer.agent_id)
        caller = self._acd.callers.get(offer.entry_id)
        queue = self._acd.queues[offer.queue_id].settings
        if caller is not None and caller.stay is Stay.TALKING and caller.offer_id == offer.offer_id:
            if by_switch and not self._ports.is_parked(caller.leg_id):
                caller.stay, caller.ended_at = Stay.ENDING, at
                self._acd.awaited.expect(caller)
            else:
                self.agent_gone(caller, at)
        if agent is not None and agent.activity is Activity.TALKING:
            self._acd.roster.wrap_up(agent, at, queue.wrap_up_ms)

    def agent_gone(self, caller: QueuedCaller, at: Moment) -> None:
        """The agent left the conversation: too soon, and the caller is back in line; else the flow goes on."""
        caller.ended_at = 0
        queue = self._acd.queues[caller.queue_id].settings
        if ms_between(caller.connected_at, at) < queue.min_talk_ms:
            if agent := self._acd.roster.agents.get(caller.agent_id):
                penalty = penalty_of(OfferResult.REJECTED, queue)
                agent.count(penalty.cause)
                self._acd.roster.rest(agent, penalty)
                if agent.activity is not Activity.TALKING:  # else the end of his talk tells it
                    self._acd.roster.publish(agent, "offer_failed")
                self._acd.roster.limit(agent, penalty)
            self._acd.deciding.refused(caller, caller.agent_id, queue.refused_again_ms)
            self.give_back(caller, at)
            return
        self.end(caller, at, EndedBy.AGENT)
        if self._ports.is_parked(caller.leg_id):
            self._acd.release(caller)

    def end(self, caller: QueuedCaller, at: Moment, ended_by: EndedBy) -> None:
        """The conversation is over; the caller's leg may still be on its way back to us."""
        caller.stay = Stay.TALKED
        self._acd.awaited.expect(caller)
        self._ports.publish(
            TalkEnded(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                agent_id=caller.agent_id,
                talk_ms=ms_between(caller.connected_at, at),
                ended_by=ended_by,
            )
        )
        self._acd.deciding.talked(caller.agent_id)

    def forget(self, caller: QueuedCaller) -> None:
        """His conversation is over, and so is all that a queue has to do with him."""
        self._acd.forget(caller)
        self._acd.operating.caller_gone(caller.queue_id)

    def give_back(self, caller: QueuedCaller, at: Moment) -> None:
        """An agent had him, or as good as had him: the same place, and offered again once his leg stands parked."""
        self._acd.offers.endings.withdraw_losers(caller)
        agent_id, offer_id = caller.agent_id, caller.offer_id
        caller.offer_id = caller.agent_id = caller.agent_leg_id = caller.winner = ""
        caller.connected_at = 0
        values = onchannel.variables(connected_at=0, agent_id="", offer_id="")
        self._ports.switch_of(caller.node).tell(SetVariables(leg_id=caller.leg_id, values=values))
        self._ports.publish(
            CallerReturned(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                agent_id=agent_id,
                offer_id=offer_id,
                refused_until=caller.refused.get(agent_id, 0),
            )
        )
        if self._ports.is_parked(caller.leg_id):
            self._ports.hold_lease(caller.node, caller.leg_id)
            self._acd.wait(caller)
        else:
            caller.stay = Stay.RETURNING
            self._acd.awaited.expect(caller)

    def see_off(self, caller: QueuedCaller) -> None:
        """The caller of a conversation is gone, and his agent's leg must follow: the switch can forget it (CS_RESET)."""
        offer = self._by_leg.get(caller.agent_leg_id)
        if offer is not None and offer.timer is None:
            offer.timer = self._ports.clock.call_later(GRACE_S, lambda: self._left_over(offer))

    def _left_over(self, offer: Offer) -> None:
        if offer.leg_id in self._by_leg:
            log.warning("agent_leg_left_over", leg_id=offer.leg_id, agent_id=offer.agent_id)
            if offer.standing:
                self._acd.standing.fetch(offer.leg_id)
                return
            self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause="NORMAL_CLEARING"))
            self._ports.lose_leg(offer.leg_id, "LOST")
