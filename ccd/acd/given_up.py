"""Phones that were told to stop before the switch knew of them: the order to stop finds no channel, and they begin to ring."""

from __future__ import annotations

from ccd.acd.callers import Offer
from ccd.acd.ports import Ports
from ccd.base.clock import Moment
from ccd.calls.facts import LegCreated
from ccd.switch.commands import Hangup

KEPT_US = 60_000_000
"""By then an order to ring has been carried out, or has failed."""


class GivenUp:
    """The legs of offers that were taken back, oldest first, each with the cause that its phone is told."""

    def __init__(self, ports: Ports) -> None:
        self._legs: dict[str, tuple[str, str, Moment]] = {}
        self._ports = ports

    def note(self, offer: Offer, cause: str) -> None:
        """An offer is taken back."""
        now = self._ports.clock.now()
        self._legs[offer.leg_id] = (offer.node, cause, now)
        while self._legs:
            oldest = next(iter(self._legs))
            if self._legs[oldest][2] + KEPT_US >= now:
                return
            del self._legs[oldest]

    def on_leg_created(self, fact: LegCreated) -> None:
        """A phone begins to ring that nobody wants any more: it stops at once, not when the deadline of the offer is over."""
        if given := self._legs.pop(fact.leg_id, None):
            node, cause, _ = given
            self._ports.switch_of(node).tell(Hangup(leg_id=fact.leg_id, cause=cause))
