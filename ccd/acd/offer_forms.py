"""What is said of an offer: to the switch, which rings a phone for it, and to history. Plain forms, filled from it."""

from __future__ import annotations

from collections.abc import Callable

from ccd.acd import ring_times, shown
from ccd.acd.callers import Offer, QueuedCaller
from ccd.acd.facts import CallerConnected, OfferEnded, OfferMade, OfferResult
from ccd.acd.join_door import About
from ccd.acd.model import Queue
from ccd.base import words
from ccd.base.clock import Moment, ms_between
from ccd.calls import onchannel
from ccd.calls.facts import Role
from ccd.calls.model import Leg
from ccd.switch.commands import Originate

ALONE_S = 30
"""A leg that answered and is left alone so long is ended by the switch."""


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


def order_of(offer: Offer, caller: QueuedCaller, queue: Queue, about: Callable[[str], About]) -> Originate:
    """The order to ring the phone, which shows the caller as his queue has it."""
    number = shown.number_shown(caller.number, queue.shown_number)
    name = _name(offer, caller, queue, about) if queue.shown_name else ""
    return Originate(
        leg_id=offer.leg_id,
        contact=offer.contact,
        caller_number=number,
        caller_name=name or _plain(number, queue),
        timeout_s=ring_times.longest_s(offer),
        alone_s=ALONE_S + offer.confirm_ms // 1000,
        variables=onchannel.variables(
            call_id=offer.call_id, role=Role.AGENT.value, agent_id=offer.agent_id, offer_id=offer.offer_id
        ),
    )


def _plain(number: str, queue: Queue) -> str:
    """The number for a name: without its signs, unless they stand for digits."""
    if queue.shown_number == "masked":
        return words.displayed(number)
    return number.replace("*", "").replace("#", "").replace("+", "")


def _name(offer: Offer, caller: QueuedCaller, queue: Queue, about: Callable[[str], About]) -> str:
    known, how = about(caller.call_id), queue.shown_number
    caller_class = known.caller_class or ("vip" if caller.vip else "")
    values = {
        "number": shown.number_shown(caller.number, how),
        "name": shown.name_shown(known.name, how),
        "queue": queue.name,
        "wait": shown.as_clock(ms_between(caller.entered_at, offer.made_at)),
        "class": "VIP" if caller_class == "vip" else caller_class,
        "dialled": known.dialled,
    }
    return shown.filled(queue.shown_name, values)


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
        node=offer.node,
        standing=offer.standing,
    )


def ended(
    offer: Offer, call_id: str, result: OfferResult, at: Moment, cause: str = "", *, refused_until: Moment = 0
) -> OfferEnded:
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
        refused_until=refused_until,
        asked=bool(offer.picked_up_at),
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
        join_ms=offer.join_ms,
    )
