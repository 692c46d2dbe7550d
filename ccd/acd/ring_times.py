"""How long an agent's phone may take until it rings, and how long it then rings. Pure."""

from __future__ import annotations

from ccd.acd.agent_states import AgentState
from ccd.acd.callers import Offer
from ccd.acd.facts import OfferResult
from ccd.acd.model import Queue
from ccd.base.clock import Moment
from ccd.switch.causes import OVER_TRUNK

_OUTSIDE = ("freetdm", "external")


def set_limits(offer: Offer, queue: Queue, agent: AgentState) -> None:
    """The shorter ring time of agent and queue, and what his kind of telephone may take to begin with it."""
    own = agent.settings.ring_ms
    offer.ring_ms = min(own, queue.ring_ms) if own else queue.ring_ms
    kind = agent.station.kind if agent.station is not None else ""
    outside = kind in _OUTSIDE or offer.contact.startswith(OVER_TRUNK)
    offer.progress_ms = queue.progress_outside_ms if outside else queue.progress_ms
    asked = agent.station is not None and agent.station.confirm and not offer.standing
    offer.confirm_ms = queue.confirm_ms if asked else 0


def longest_s(offer: Offer) -> int:
    """Whole seconds after which the switch itself gives up, should nobody tell it to.

    It counts whole seconds of the clock: up to one less than asked.
    """
    return -(-(offer.progress_ms + offer.ring_ms) // 1000) + 1


def left_s(offer: Offer, now: Moment) -> float:
    """What a phone that a restart found has left of its time, to begin to ring or to ring; never more than all of it."""
    began, whole_ms = (offer.rang_at, offer.ring_ms) if offer.rang_at else (offer.made_at, offer.progress_ms)
    return min(max(began + whole_ms * 1000 - now, 0), whole_ms * 1000) / 1e6


def late(offer: Offer) -> OfferResult | None:
    """How an offer ends whose time is over; None where the phone was answered, is told to stop, or nothing was heard of it."""
    if offer.answered_at or offer.parked or offer.bridging or offer.withdrawn is not None or offer.unheard:
        return None
    if offer.rang_at:
        return OfferResult.NO_ANSWER
    return OfferResult.CONGESTION if offer.contact.startswith(OVER_TRUNK) else OfferResult.UNREACHABLE
