"""Carries an offer out: ring the agent, bridge, time out, take back. Every offer has an owner and a deadline."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import structlog

from ccd.acd.agent_states import AgentState, Cue
from ccd.acd.callers import Offer, QueuedCaller, Stay, shown
from ccd.acd.causes import penalty_of, result_of
from ccd.acd.facts import CallerConnected, OfferEnded, OfferMade, OfferResult
from ccd.acd.model import Activity
from ccd.acd.ports import Ports
from ccd.base.clock import Moment, ms_between
from ccd.base.errors import SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.calls.facts import LegAnswered, LegEnded, LegParked, LegsBridged, Role
from ccd.calls.model import Leg
from ccd.switch.commands import Answer, Bridge, Hangup, Originate, SetVariables

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

GRACE_S = 3.0
BRIDGE_DEADLINE_S = 5.0
REFUSED_BRIDGE = "SWITCH_CONGESTION"
_OUR_FAULT = frozenset({REFUSED_BRIDGE, "SWITCH_LOST", "LOSE_RACE"})


class Offers:
    """All offers that are out, by their id and by the agent's leg. An accepted one becomes a conversation (`Talks`)."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self.out: dict[str, Offer] = {}
        self._by_leg: dict[str, Offer] = {}
        self._ports = ports
        self._acd = acd

    # --- making -----------------------------------------------------------------------------------

    def make(self, caller: QueuedCaller, agent: AgentState) -> None:
        """Ring `agent` for `caller`."""
        if agent.station is None:
            raise AssertionError(f"agent {agent.agent_id} was offered without a station")
        now = self._ports.clock.now()
        queue = self._acd.queues[caller.queue_id].settings
        offer = Offer(
            offer_id=new_id(),
            entry_id=caller.entry_id,
            queue_id=caller.queue_id,
            agent_id=agent.agent_id,
            leg_id=str(uuid.uuid4()),
            contact=agent.station.contact,
            node=agent.station.node or caller.node,
            made_at=now,
            call_id=caller.call_id,
        )
        self.out[offer.offer_id] = self._by_leg[offer.leg_id] = offer
        caller.stay, caller.offer_id, caller.agent_id = Stay.OFFERED, offer.offer_id, agent.agent_id
        agent.offer_id = offer.offer_id
        self._ring(offer, caller, queue.ring_ms)
        self._acd.roster.step(agent, Cue.OFFER, now, call_id=caller.call_id, queue_id=caller.queue_id)
        self._ports.publish(
            OfferMade(
                at=now,
                offer_id=offer.offer_id,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                agent_id=agent.agent_id,
                leg_id=offer.leg_id,
                contact=offer.contact,
            )
        )

    def _ring(self, offer: Offer, caller: QueuedCaller, ring_ms: int) -> None:
        leg = Leg(
            leg_id=offer.leg_id,
            node=offer.node,
            role=Role.AGENT,
            call_id=caller.call_id,
            agent_id=offer.agent_id,
            offer_id=offer.offer_id,
        )
        self._ports.order_leg(leg)
        switch = self._ports.switch_of(offer.node)
        ring_s = max(1, -(-ring_ms // 1000))
        switch.await_begin()
        switch.tell(
            Originate(
                leg_id=offer.leg_id,
                contact=offer.contact,
                caller_number=shown(caller.number),
                caller_name=shown(caller.number).replace("*", "").replace("#", "").replace("+", ""),
                timeout_s=ring_s + 1,  # the switch counts whole seconds of the clock: up to one less than asked
                variables=onchannel.variables(
                    call_id=caller.call_id,
                    role=Role.AGENT.value,
                    agent_id=offer.agent_id,
                    offer_id=offer.offer_id,
                ),
            ),
            on_done=lambda error: self._ordered(offer, error),
        )
        offer.timer = self._ports.clock.call_later(ring_s + GRACE_S, lambda: self._overdue(offer))

    def _ordered(self, offer: Offer, error: SwitchError | None) -> None:
        """Refused at once or later: taken back in the loop's next turn, never inside the decision that made the offer.

        A lost connection says nothing: the phone may ring all the same. The reconciliation that follows finds out.
        """
        if isinstance(error, SwitchRefused):
            self._ports.clock.call_later(0.0, lambda: self._not_ringing(offer))

    def _not_ringing(self, offer: Offer) -> None:
        if offer.offer_id in self.out:
            self._ports.lose_leg(offer.leg_id, "SWITCH_CONGESTION")

    def _overdue(self, offer: Offer) -> None:
        """No word came of the phone: end the leg, and do not wait for the switch to agree."""
        if offer.offer_id not in self.out:
            return
        if not self._ports.node_is_up(offer.node):
            offer.unheard = True  # the socket is away: the reconciliation will say what came of it
            self._restart_timer(offer, GRACE_S)
            return
        log.warning("offer_overdue", offer_id=offer.offer_id, agent_id=offer.agent_id, bridging=offer.bridging)
        self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause="ORIGINATOR_CANCEL"))
        self._ports.lose_leg(offer.leg_id, "SWITCH_CONGESTION" if offer.unheard else "NO_ANSWER")

    # --- answered, bridged ------------------------------------------------------------------------

    def on_answered(self, fact: LegAnswered) -> None:
        """The agent took the call: a caller who has not been answered yet is answered now. Or just that has been done."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is not None:
            offer.answered_at = fact.at
            self._answer(self._acd.callers.get(offer.entry_id))
        elif (caller := self._acd.caller_of(fact.leg_id)) is not None:
            caller.answered = True
            offer = self.out.get(caller.offer_id)
            if offer is not None and offer.parked and not offer.bridging and not offer.cancelled:
                self.bridge(offer)

    def _answer(self, caller: QueuedCaller | None) -> None:
        if caller is not None and not caller.answered:
            self._ports.switch_of(caller.node).tell(Answer(leg_id=caller.leg_id))

    def on_agent_parked(self, fact: LegParked) -> None:
        """The agent's leg may be driven."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is not None and not offer.bridging and not offer.cancelled:
            self.join(offer)

    def join(self, offer: Offer) -> None:
        """Bridge the parked agent, as soon as his caller is answered: `uuid_bridge` would end an unanswered leg."""
        offer.parked = True
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.answered or caller.offer_id != offer.offer_id:
            self.bridge(offer)
            return
        self._restart_timer(offer, BRIDGE_DEADLINE_S)
        self._answer(caller)  # a restart may have come between the agent's answer and ours

    def bridge(self, offer: Offer) -> None:
        """Join caller and agent. What the caller's leg needs to survive any ending, the dialplan wrote (customer.xml)."""
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.offer_id != offer.offer_id:
            self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause="LOSE_RACE"))
            return
        offer.bridging = True
        self._restart_timer(offer, BRIDGE_DEADLINE_S)
        self._ports.switch_of(caller.node).tell(
            Bridge(leg_id=caller.leg_id, other_id=offer.leg_id),
            on_done=lambda error: self._bridged(offer, error),
        )

    def _bridged(self, offer: Offer, error: SwitchError | None) -> None:
        if isinstance(error, SwitchRefused) and offer.offer_id in self.out:
            log.warning("bridge_refused", offer_id=offer.offer_id, reason=str(error))
            self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause=REFUSED_BRIDGE))

    def bridge_again(self, leg_id: str) -> None:
        """A reconciliation found the agent's leg parked: an order to bridge it went down with the connection."""
        offer = self._by_leg.get(leg_id)
        if offer is not None and offer.bridging and not offer.cancelled:
            self.bridge(offer)

    def on_bridged(self, fact: LegsBridged) -> None:
        """Caller and agent hear each other."""
        offer = self._by_leg.get(fact.leg_id) or self._by_leg.get(fact.other_id)
        if offer is None or offer.cancelled:
            return  # a second CHANNEL_BRIDGE of legs that talk already says nothing new
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.leg_id not in (fact.leg_id, fact.other_id):
            return
        self.connected(offer, caller, fact.at)

    def connected(self, offer: Offer, caller: QueuedCaller, at: Moment) -> None:
        """The wait ends here; the offer is closed as accepted."""
        offer.bridging = True
        agent = self._acd.roster.find(offer.agent_id)
        caller.stay, caller.connected_at, caller.agent_leg_id = Stay.TALKING, at, offer.leg_id
        agent.no_answers = 0
        self._close(offer)
        self._acd.talks.begin(offer)
        self._acd.hold_timer(caller)
        self._acd.roster.step(agent, Cue.CONNECTED, at, call_id=caller.call_id, queue_id=caller.queue_id)
        wait_ms = ms_between(caller.joined_at, at)
        self._publish_end(offer, caller, OfferResult.ACCEPTED, at)
        self._ports.publish(
            CallerConnected(
                at=at,
                entry_id=caller.entry_id,
                call_id=caller.call_id,
                queue_id=caller.queue_id,
                agent_id=offer.agent_id,
                offer_id=offer.offer_id,
                leg_id=offer.leg_id,
                wait_ms=wait_ms,
            )
        )
        self._ports.drop_lease(caller.node, caller.leg_id)
        switch = self._ports.switch_of(caller.node)
        values = onchannel.variables(connected_at=at, agent_id=offer.agent_id, offer_id=offer.offer_id)
        switch.tell(SetVariables(leg_id=caller.leg_id, values=values))

    # --- endings ----------------------------------------------------------------------------------

    def on_agent_leg_ended(self, fact: LegEnded) -> None:
        """The phone that rang is gone before a conversation began: why depends on how far the offer had come."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is None:
            return
        agent = self._acd.roster.agents.get(offer.agent_id)
        caller = self._acd.callers.get(offer.entry_id)
        self._close(offer)
        result = OfferResult.CANCELLED if offer.cancelled else self._result(offer, fact)
        if agent is not None and agent.activity is Activity.OFFERED:
            self._acd.roster.offer_failed(agent, fact.at)
        self._publish_end(offer, caller, result, fact.at, fact.cause)
        if agent is not None:
            queue = self._acd.queues[offer.queue_id].settings
            penalty = penalty_of(result, queue)
            self._acd.roster.penalise(agent, penalty.delay_ms, penalty.counts, queue.max_no_answers)
        if caller is not None and caller.offer_id == offer.offer_id:
            self._back_in_line(caller, offer, fact.at)
        if agent is not None:
            self._acd.agent_changed(agent)

    def _result(self, offer: Offer, fact: LegEnded) -> OfferResult:
        if offer.answered_at and fact.cause not in _OUR_FAULT:
            return OfferResult.REJECTED
        return result_of(fact.cause, fact.protocol_cause, fact.progressed_at, offer.contact)

    def _back_in_line(self, caller: QueuedCaller, offer: Offer, at: Moment) -> None:
        """The same place, with the same waiting time; offered again only when his leg stands parked."""
        if offer.bridging:
            self._acd.talks.give_back(caller, at)
        else:
            caller.offer_id = caller.agent_id = ""
            self._acd.wait(caller)

    def withdraw(self, caller: QueuedCaller) -> None:
        """The caller is gone: his agent's phone stops ringing, and shows a missed call only if it had rung for nobody else."""
        offer = self.out.get(caller.offer_id)
        if offer is not None and not offer.cancelled:
            offer.cancelled = True
            self._restart_timer(offer, GRACE_S)
            self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause="ORIGINATOR_CANCEL"))

    def is_bridging(self, caller: QueuedCaller) -> bool:
        """Whether an agent has answered for this caller and the two are being joined."""
        offer = self.out.get(caller.offer_id)
        return offer is not None and bool(offer.answered_at or offer.bridging)

    def uses(self, queue_id: str) -> bool:
        """Whether an offer of that queue has not come to its end."""
        return any(offer.queue_id == queue_id for offer in self._by_leg.values())

    def adopt(self, offer: Offer, left_s: float) -> None:
        """Take up an offer that a recovery found ringing; it keeps what is left of its time."""
        self.out[offer.offer_id] = self._by_leg[offer.leg_id] = offer
        offer.call_id = offer.call_id or self._acd.callers[offer.entry_id].call_id
        self._ports.switch_of(offer.node).await_begin()
        offer.timer = self._ports.clock.call_later(max(left_s, 0.0) + GRACE_S, lambda: self._overdue(offer))

    def _restart_timer(self, offer: Offer, seconds: float) -> None:
        if offer.timer is not None:
            offer.timer.cancel()
        offer.timer = self._ports.clock.call_later(seconds, lambda: self._overdue(offer))

    def _close(self, offer: Offer) -> None:
        """The offer is no longer out; its leg may live on as the agent's side of a conversation."""
        if offer.timer is not None:
            offer.timer.cancel()
            offer.timer = None
        del self.out[offer.offer_id], self._by_leg[offer.leg_id]
        self._ports.switch_of(offer.node).await_end()

    def _publish_end(
        self, offer: Offer, caller: QueuedCaller | None, result: OfferResult, at: Moment, cause: str = ""
    ) -> None:
        self._ports.publish(
            OfferEnded(
                at=at,
                offer_id=offer.offer_id,
                entry_id=offer.entry_id,
                call_id=caller.call_id if caller is not None else offer.call_id,
                queue_id=offer.queue_id,
                agent_id=offer.agent_id,
                result=result,
                cause=cause,
                ring_ms=ms_between(offer.made_at, offer.answered_at or at),
            )
        )
