"""How an offer ends that no conversation came of: the phone says so, or we take it back. For ccd.acd, as `Offers.endings`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccd.acd import offer_forms
from ccd.acd.callers import Offer, QueuedCaller
from ccd.acd.causes import penalty_of, refused_ms, result_of
from ccd.acd.facts import NOT_HIS, OfferResult
from ccd.acd.model import Activity
from ccd.acd.ports import Ports
from ccd.acd.standing import torn
from ccd.base.clock import Moment
from ccd.calls.facts import LegEnded
from ccd.switch.commands import Hangup, StopPlaying

if TYPE_CHECKING:
    from ccd.acd.service import Acd

GRACE_S = 3.0
REFUSED_BRIDGE = "SWITCH_CONGESTION"
_OUR_FAULT = frozenset({REFUSED_BRIDGE, "SWITCH_LOST", "LOSE_RACE"})
_CAUSE = {
    OfferResult.CANCELLED: "ORIGINATOR_CANCEL",
    OfferResult.LOST_RACE: "LOSE_RACE",
    OfferResult.NO_ANSWER: "NO_ANSWER",
    OfferResult.REJECTED: "CALL_REJECTED",
    OfferResult.UNREACHABLE: "PROGRESS_TIMEOUT",
    OfferResult.CONGESTION: "PROGRESS_TIMEOUT",
}


class OfferEndings:
    """Ends offers, and has agent and caller go on."""

    def __init__(self, ports: Ports, acd: Acd) -> None:
        self._ports = ports
        self._acd = acd

    # --- they ended -------------------------------------------------------------------------------

    def on_agent_leg_ended(self, fact: LegEnded) -> None:
        """The phone that rang is gone before a conversation began: why depends on how far the offer had come."""
        offer = self._acd.offers.on_leg(fact.leg_id)
        if offer is not None:
            self._ended(offer, offer.withdrawn or _result(offer, fact), fact.at, fact.cause)

    def free(self, offer: Offer, *, moved: bool) -> None:
        """An offer on a standing leg came to nothing, and the leg stays. `moved`: it was told to join the caller."""
        if offer.offer_id in self._acd.offers.out:
            self._acd.standing.free(offer.leg_id, moved=moved)
            self._ended(offer, offer.withdrawn or OfferResult.CANCELLED, self._ports.clock.now())

    def _ended(self, offer: Offer, result: OfferResult, at: Moment, cause: str = "") -> None:
        agent = self._acd.roster.agents.get(offer.agent_id)
        caller = self._acd.callers.get(offer.entry_id)
        queue = self._acd.queues[offer.queue_id].settings
        self._acd.offers.close(offer)
        penalty = penalty_of(result, queue)
        rang_for = caller if caller is not None and caller.ringing.pop(offer.offer_id, "") else None
        if rang_for is not None and result not in NOT_HIS:
            self._acd.deciding.refused(rang_for, offer.agent_id, refused_ms(result, queue))
        if agent is not None:  # all of it stands in the facts that follow, so that a restart forgets none of it
            agent.count(penalty.cause)
            self._acd.roster.rest(agent, penalty)
            if agent.activity is Activity.OFFERED:
                self._acd.roster.offer_failed(agent, at)
        self.tell(offer, caller, result, at, cause)
        if agent is not None:
            self._acd.roster.limit(agent, penalty)
        if rang_for is not None:
            self._acd.offers.race.one_less(rang_for, offer, at)
        if agent is not None:
            self._acd.agent_changed(agent)

    def tell(self, offer: Offer, caller: QueuedCaller | None, result: OfferResult, at: Moment, cause: str = "") -> None:
        """The offer is closed, and this is how it ended."""
        call_id = caller.call_id if caller is not None else offer.call_id
        until = caller.refused.get(offer.agent_id, 0) if caller is not None else 0
        self._ports.publish(offer_forms.ended(offer, call_id, result, at, cause, refused_until=until))

    # --- we end them ------------------------------------------------------------------------------

    def withdraw(self, caller: QueuedCaller) -> None:
        """The caller is gone: the phones stop ringing, and show a missed call only if they had rung for nobody else."""
        self.withdraw_all(caller, OfferResult.CANCELLED)

    def withdraw_losers(self, caller: QueuedCaller) -> None:
        """The caller comes back from an agent while others were still being rung for him: all of it begins anew."""
        self.withdraw_all(caller, OfferResult.LOST_RACE)
        caller.ringing.clear()

    def withdraw_all(self, caller: QueuedCaller, result: OfferResult, but: str = "") -> None:
        """Take back what is out for a caller, except one offer."""
        for offer_id in list(caller.ringing):
            offer = self._acd.offers.out.get(offer_id)
            if offer is not None and offer_id != but:
                self.take_back(offer, result)

    def take_back(self, offer: Offer, result: OfferResult) -> None:
        """End the leg of an offer, or free a standing one; this is how it will have ended."""
        if offer.withdrawn is not None:
            return
        offers, switch = self._acd.offers, self._ports.switch_of(offer.node)
        if offer.standing and offers.joins.has(offer.offer_id):
            switch.tell(StopPlaying(leg_id=offer.leg_id))
        offers.say_no_more(offer)
        offer.withdrawn = result
        if offer.standing:
            self._ports.clock.call_later(0.0, lambda: self.free(offer, moved=offer.bridging))
            return
        offers.allow(offer, GRACE_S)
        offers.given_up.note(offer, _CAUSE[result])
        switch.tell(Hangup(leg_id=offer.leg_id, cause=_CAUSE[result]))

    def drop(self, agent_id: str) -> bool:
        """Take back what an agent is offered without waiting for the switch; tells whether there was anything."""
        dropped = [offer for offer in self._acd.offers.out.values() if offer.agent_id == agent_id]
        for offer in dropped:
            self.take_back(offer, OfferResult.CANCELLED)
            if offer.standing:
                self.free(offer, moved=offer.bridging)
            else:
                self._ports.lose_leg(offer.leg_id, "ORIGINATOR_CANCEL")
        return bool(dropped)


def _result(offer: Offer, fact: LegEnded) -> OfferResult:
    if offer.standing and torn(fact):
        return OfferResult.CANCELLED
    if (offer.answered_at or offer.picked_up_at) and fact.cause not in _OUR_FAULT:
        return OfferResult.REJECTED
    return result_of(fact.cause, fact.protocol_cause, fact.progressed_at, offer.contact)
