"""Carries an offer out: ring the agent, time out. Every offer has an owner and a deadline.

Who answers first of several is in `race`, how he comes to talk in `bridging`, how an offer ends without a conversation in
`offer_endings`.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import structlog

from ccd.acd import offer_forms, ring_times
from ccd.acd.accepting import Accepting
from ccd.acd.agent_states import AgentState, Cue
from ccd.acd.bridging import BRIDGE_DEADLINE_S, Bridging
from ccd.acd.callers import Offer, QueuedCaller, Stay
from ccd.acd.given_up import GivenUp
from ccd.acd.joining import Joins
from ccd.acd.model import Queue
from ccd.acd.offer_endings import GRACE_S, OfferEndings
from ccd.acd.ports import Ports
from ccd.acd.race import Race
from ccd.base.errors import SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls.facts import LegRinging
from ccd.switch.commands import Hangup
from ccd.switch.events import ApplicationEnded

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)


class Offers:
    """All offers that are out, by their id and by the agent's leg. An accepted one becomes a conversation (`Talks`)."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self.out: dict[str, Offer] = {}
        self._by_leg: dict[str, Offer] = {}
        self._ports = ports
        self._acd = acd
        self.joins = Joins(ports, acd)
        self.given_up = GivenUp(ports)
        self.accepting = Accepting(ports, acd)
        self.race = Race(ports, acd)
        self.bridging = Bridging(ports, acd, self._by_leg)
        self.endings = OfferEndings(ports, acd)

    # --- making -----------------------------------------------------------------------------------

    def make(self, caller: QueuedCaller, agent: AgentState) -> None:
        """Ring `agent` for `caller`."""
        if agent.station is None:
            raise AssertionError(f"agent {agent.agent_id} was offered without a station")
        line = self._acd.standing.take(agent)
        now = self._ports.clock.now()
        queue = self._acd.queues[caller.queue_id].settings
        offer = Offer(
            offer_id=new_id(),
            entry_id=caller.entry_id,
            queue_id=caller.queue_id,
            agent_id=agent.agent_id,
            leg_id=line.leg_id if line is not None else str(uuid.uuid4()),
            contact=agent.station.contact,
            node=line.node if line is not None else agent.station.node or caller.node,
            made_at=now,
            call_id=caller.call_id,
            standing=line is not None,
        )
        self.out[offer.offer_id] = self._by_leg[offer.leg_id] = offer
        self._take_on(offer, caller)
        agent.offer_id = offer.offer_id
        ring_times.set_limits(offer, queue, agent)
        self._ring(offer, caller)
        self._acd.roster.step(agent, Cue.OFFER, now, call_id=caller.call_id, queue_id=caller.queue_id)
        draws = self._acd.deciding.matcher.draws_of(caller.queue_id).count
        self._ports.publish(offer_forms.made(offer, draws))

    def _take_on(self, offer: Offer, caller: QueuedCaller) -> None:
        """The phone of one more agent rings for a caller."""
        caller.stay = Stay.OFFERED
        caller.ringing[offer.offer_id] = offer.agent_id
        if not caller.offer_id:
            caller.offer_id, caller.agent_id = offer.offer_id, offer.agent_id

    def _ring(self, offer: Offer, caller: QueuedCaller) -> None:
        if offer.standing:
            self._on_line(offer)
            return
        self._ports.order_leg(offer_forms.leg_of(offer))
        order = offer_forms.order_of(offer, caller, self._queue(offer), self._ports.join.about)
        switch = self._ports.switch_of(offer.node)
        switch.await_begin()
        switch.tell(order, on_done=lambda error: self._ordered(offer, error))
        self.allow(offer, offer.progress_ms / 1000)

    def _on_line(self, offer: Offer) -> None:
        """A standing leg needs no ringing: it is joined in the loop's next turn, never inside the decision."""

        def joined() -> None:
            if offer.offer_id in self.out and offer.withdrawn is None:
                offer.answered_at = self._ports.clock.now()
                self.bridging.join(offer)

        self._ports.switch_of(offer.node).await_begin()
        self._acd.standing.mark(offer)
        self.allow(offer, BRIDGE_DEADLINE_S)
        self._ports.clock.call_later(0.0, joined)

    def on_leg(self, leg_id: str) -> Offer | None:
        """The offer that is out on a leg, None where there is none."""
        return self._by_leg.get(leg_id)

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
        """The phone has had its time, or no word came of it: end the leg, and do not wait for the switch to agree."""
        if offer.offer_id not in self.out:
            return
        if not self._ports.node_is_up(offer.node):
            offer.unheard = True  # the socket is away: the reconciliation will say what came of it
            self.allow(offer, GRACE_S)
            return
        if self.joins.overdue(offer):
            return
        if (result := ring_times.late(offer)) is not None:
            self.endings.take_back(offer, result)
            return
        log.warning("offer_overdue", offer_id=offer.offer_id, agent_id=offer.agent_id, bridging=offer.bridging)
        if offer.standing:
            self.endings.free(offer, moved=offer.bridging)
            return
        self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause="ORIGINATOR_CANCEL"))
        self._ports.lose_leg(offer.leg_id, "SWITCH_CONGESTION" if offer.unheard else "NO_ANSWER")

    def on_ringing(self, fact: LegRinging) -> None:
        """The phone rings: how long it may, counts from now on."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is not None and not offer.rang_at and not offer.answered_at and offer.withdrawn is None:
            offer.rang_at, offer.unheard = fact.at, False
            self.allow(offer, offer.ring_ms / 1000)  # by our own clock: the switch's may be another

    # --- what is out ------------------------------------------------------------------------------

    def _queue(self, offer: Offer) -> Queue:
        return self._acd.queues[offer.queue_id].settings

    def rings(self, agent_id: str) -> bool:
        """Whether an agent's phone is asked to ring."""
        return any(offer.agent_id == agent_id for offer in self._by_leg.values())

    def is_bridging(self, caller: QueuedCaller) -> bool:
        """Whether an agent has answered for this caller and the two are being joined."""
        offer = self.out.get(caller.winner)
        return offer is not None and bool(offer.answered_at or offer.bridging)

    def uses(self, queue_id: str) -> bool:
        """Whether an offer of that queue has not come to its end."""
        return any(offer.queue_id == queue_id for offer in self._by_leg.values())

    def adopt(self, offer: Offer) -> None:
        """Take up an offer that a recovery found ringing; it keeps what is left of its time."""
        self.out[offer.offer_id] = self._by_leg[offer.leg_id] = offer
        caller = self._acd.callers[offer.entry_id]
        self._take_on(offer, caller)
        offer.call_id = offer.call_id or caller.call_id
        self._ports.switch_of(offer.node).await_begin()
        ring_times.set_limits(offer, self._queue(offer), self._acd.roster.find(offer.agent_id))
        offer.adopted = bool(offer.answered_at)
        if offer.confirm_ms:  # a key that was pressed has left no trace: he is asked again
            offer.picked_up_at, offer.answered_at = offer.answered_at, 0
        left_s = ring_times.left_s(offer, self._ports.clock.now())
        self.allow(offer, BRIDGE_DEADLINE_S if offer.answered_at or offer.picked_up_at else left_s)

    def playing(self, leg_id: str) -> str:
        """What an agent's leg plays that somebody waits for the end of, '' nothing."""
        offer = self._by_leg.get(leg_id)
        return (self.joins.playing(offer.offer_id) or self.accepting.playing(leg_id)) if offer is not None else ""

    def on_played(self, event: ApplicationEnded) -> None:
        """What an agent's leg played has ended."""
        self.joins.on_played(event)
        self.accepting.on_played(event)

    def is_joining(self, caller: QueuedCaller) -> bool:
        """Whether an agent has answered, and the caller still hears music, or who it is."""
        return self.joins.has(caller.winner)

    def say_no_more(self, offer: Offer) -> None:
        """What its agent and caller are told goes no further."""
        self.joins.drop(offer)
        self.accepting.drop(offer)

    def allow(self, offer: Offer, seconds: float) -> None:
        """An offer has so much time for what it is at."""
        if offer.timer is not None:
            offer.timer.cancel()
        offer.timer = self._ports.clock.call_later(seconds, lambda: self._overdue(offer))

    def close(self, offer: Offer) -> None:
        """The offer is no longer out; its leg may live on as the agent's side of a conversation."""
        if offer.timer is not None:
            offer.timer.cancel()
            offer.timer = None
        self.say_no_more(offer)
        del self.out[offer.offer_id], self._by_leg[offer.leg_id]
        self._ports.switch_of(offer.node).await_end()
