"""From an agent's answer to the conversation: his leg parks, his caller is answered, the two are bridged.

For ccd.acd, as `Offers.bridging`; what is said before the bridge is in `joining`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from ccd.acd import offer_forms
from ccd.acd.agent_states import Cue
from ccd.acd.callers import Offer, QueuedCaller, Stay
from ccd.acd.facts import OfferResult
from ccd.acd.offer_endings import REFUSED_BRIDGE
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.base.errors import SwitchError, SwitchRefused
from ccd.calls import onchannel
from ccd.calls.facts import LegAnswered, LegParked, LegsBridged
from ccd.switch.commands import Bridge, Hangup, SetVariables

if TYPE_CHECKING:
    from ccd.acd.service import Acd

log = structlog.get_logger(__name__)

BRIDGE_DEADLINE_S = 5.0


class Bridging:
    """Brings answered agents and their callers together. `by_leg`: the offers that are out, by the agent's leg."""

    def __init__(self, ports: Ports, acd: Acd, by_leg: Mapping[str, Offer]) -> None:
        self._by_leg = by_leg
        self._ports = ports
        self._acd = acd

    def on_answered(self, fact: LegAnswered) -> None:
        """The agent took the call: a caller who has not been answered yet is answered now. Or just that has been done."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is not None and offer.confirm_ms:
            self._acd.offers.accepting.picked_up(offer, fact.at, BRIDGE_DEADLINE_S)
        elif offer is not None:
            offer.answered_at = fact.at
            if offer.withdrawn is None:
                self._acd.offers.allow(offer, BRIDGE_DEADLINE_S)
            self._acd.offers.race.answered(offer)
        elif (caller := self._acd.caller_of(fact.leg_id)) is not None:
            caller.answered = True
            offer = self._acd.offers.out.get(caller.offer_id)
            if offer is not None and offer.parked and not offer.bridging and offer.withdrawn is None:
                self._acd.offers.joins.begin(offer)

    def on_agent_parked(self, fact: LegParked) -> None:
        """The agent's leg may be driven."""
        offer = self._by_leg.get(fact.leg_id)
        if offer is not None and not offer.bridging and offer.withdrawn is None:
            self.join(offer)

    def join(self, offer: Offer) -> None:
        """Bridge the parked agent, as soon as his caller is answered: `uuid_bridge` would end an unanswered leg.

        Who answered while another had the caller waits until that is certain, or the other is gone. Whose station demands a
        key has not answered before he presses it.
        """
        if offer.confirm_ms and not offer.answered_at:
            self._acd.offers.accepting.ask(offer)
            return
        offer.parked = True
        self._acd.offers.race.answered(offer)
        caller = self._acd.callers.get(offer.entry_id)
        if caller is not None and offer.offer_id in caller.ringing and caller.winner != offer.offer_id:
            return
        if caller is None or caller.answered or caller.winner != offer.offer_id:
            self._acd.offers.joins.begin(offer)
            return
        self._acd.offers.allow(offer, BRIDGE_DEADLINE_S)
        self._acd.offers.race.answer(caller)  # a restart may have come between the agent's answer and ours

    def bridge(self, offer: Offer) -> None:
        """Join caller and agent. What the caller's leg needs to survive any ending, the dialplan wrote (customer.xml)."""
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.winner != offer.offer_id:
            self._acd.offers.endings.take_back(
                offer, OfferResult.CANCELLED if caller is None else OfferResult.LOST_RACE
            )
            return
        offer.bridging = True
        self._acd.offers.allow(offer, BRIDGE_DEADLINE_S)
        self._ports.switch_of(caller.node).tell(
            Bridge(leg_id=caller.leg_id, other_id=offer.leg_id),
            on_done=lambda error: self._bridged(offer, error),
        )

    def _bridged(self, offer: Offer, error: SwitchError | None) -> None:
        if isinstance(error, SwitchRefused) and offer.offer_id in self._acd.offers.out:
            log.warning("bridge_refused", offer_id=offer.offer_id, reason=str(error))
            if offer.standing:
                self._ports.clock.call_later(0.0, lambda: self._acd.offers.endings.free(offer, moved=False))
                return
            self._ports.switch_of(offer.node).tell(Hangup(leg_id=offer.leg_id, cause=REFUSED_BRIDGE))

    def bridge_again(self, leg_id: str) -> None:
        """A reconciliation found the agent's leg parked: an order to bridge it went down with the connection."""
        offer = self._by_leg.get(leg_id)
        if offer is not None and offer.bridging and offer.withdrawn is None:
            self.bridge(offer)

    def on_bridged(self, fact: LegsBridged) -> None:
        """Caller and agent hear each other."""
        offer = self._by_leg.get(fact.leg_id) or self._by_leg.get(fact.other_id)
        if offer is None or offer.withdrawn is not None:
            return  # a second CHANNEL_BRIDGE of legs that talk already says nothing new
        caller = self._acd.callers.get(offer.entry_id)
        if caller is None or caller.leg_id not in (fact.leg_id, fact.other_id):
            return
        self.connected(offer, caller, fact.at)

    def connected(self, offer: Offer, caller: QueuedCaller, at: Moment) -> None:
        """The wait ends here; the offer is closed as accepted."""
        offer.bridging = True
        agent = self._acd.roster.find(offer.agent_id)
        caller.winner, caller.offer_id, caller.agent_id = offer.offer_id, offer.offer_id, offer.agent_id
        caller.tried.clear()
        caller.refused.clear()
        caller.stay, caller.connected_at, caller.agent_leg_id = Stay.TALKING, at, offer.leg_id
        agent.missed = {}
        self._acd.offers.close(offer)
        caller.ringing.pop(offer.offer_id, None)
        self._acd.talks.begin(offer)
        self._acd.hold_timer(caller)
        self._acd.roster.step(agent, Cue.CONNECTED, at, call_id=caller.call_id, queue_id=caller.queue_id)
        self._acd.offers.endings.tell(offer, caller, OfferResult.ACCEPTED, at)
        self._ports.publish(offer_forms.connected(offer, caller, at))
        self._ports.drop_lease(caller.node, caller.leg_id)
        self._acd.standing.talking(offer)
        switch = self._ports.switch_of(caller.node)
        values = onchannel.variables(connected_at=at, agent_id=offer.agent_id, offer_id=offer.offer_id)
        switch.tell(SetVariables(leg_id=caller.leg_id, values=values))
