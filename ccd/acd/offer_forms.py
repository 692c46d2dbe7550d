"""What is said of an offer: to the switch, which rings a phone for it, and to history. Plain forms, filled from it."""

from __future__ import annotations

from ccd.acd import ring_times
from ccd.acd.callers import Offer, QueuedCaller, shown
from ccd.acd.facts import CallerConnected, OfferEnded, OfferMade, OfferResult
from ccd.base.clock import Moment, ms_between
from ccd.calls import onchannel
from ccd.calls.facts import Role
from ccd.calls.model import Leg
from ccd.switch.commands import Originate


def leg_of(offer: Offer) -> Leg:
    """The leg that is about to be ordered."""
    return Leg(
        leg_id=offer.leg_id,
        node=offer.node,
        role=Role.AGENT,
        call_id=offer.call_id,
        agent_id=offer.agent_id,
        offer_id=offer.offer_id,
    )


def order_of(offer: Offer, caller: QueuedCaller) -> Originate:
    """The order to ring the phone, which shows the caller's number."""
    number = shown(caller.number)
    return Originate(
        leg_id=offer.leg_id,
        contact=offer.contact,
        caller_number=number,
        caller_name=number.replace("*", "").replace("#", "").replace("+", ""),
        timeout_s=ring_times.longest_s(offer),
        variables=onchannel.variables(
            call_id=offer.call_id, role=Role.AGENT.value, agent_id=offer.agent_id, offer_id=offer.offer_id
        ),
    )


def made(offer: Offer, draws: int) -> OfferMade:
    """The phone is asked to ring."""
    return OfferMade(
        at=offer.made_at,
        offer_id=offer.offer_id,
        entry_id=offer.entry_id,
        call_id=offer.call_id,
        queue_id=offer.queue_id,
        agent_id=offer.agent_id,
        leg_id=offer.leg_id,
        contact=offer.contact,
        draws=draws,
    )


def ended(offer: Offer, call_id: str, result: OfferResult, at: Moment, cause: str = "") -> OfferEnded:
    """It came to this."""
    return OfferEnded(
        at=at,
        offer_id=offer.offer_id,
        entry_id=offer.entry_id,
        call_id=call_id,
        queue_id=offer.queue_id,
        agent_id=offer.agent_id,
        result=result,
        cause=cause,
        ring_ms=ms_between(offer.made_at, offer.answered_at or at),
    )


def connected(offer: Offer, caller: QueuedCaller, at: Moment) -> CallerConnected:
    """The two hear each other."""
    return CallerConnected(
        at=at,
        entry_id=caller.entry_id,
        call_id=caller.call_id,
        queue_id=caller.queue_id,
        agent_id=offer.agent_id,
        offer_id=offer.offer_id,
        leg_id=offer.leg_id,
        wait_ms=ms_between(caller.entered_at, at),
    )
