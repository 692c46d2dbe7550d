"""Complaint 1: Agents stay reserved or receiving.

https://github.com/signalwire/freeswitch/issues/2540 https://github.com/signalwire/freeswitch/issues/1062

With ring-all and five agents, somebody stays "Receiving" after a race; or an event is lost, and nobody ever looks again.
"""

from __future__ import annotations

import pytest

from ccd.acd.offers import Offers
from ccd.acd.talks import Talks
from ccd.core.recovery import Recovery
from ccd.switch.events import SwitchEvent
from tests.complaints.field import Field
from tests.complaints.seeding import assert_fails_with

NAMES = ["ann", "ben", "cat", "dan", "eve"]


class Story:
    """Five phones ring for a caller, one is answered, they talk; then whoever is left goes. Nobody hears of the `lost` event."""

    def __init__(self, lost: int = -1, *, ends: str = "agent") -> None:
        self.events, self._lost, self._listens = 0, lost, False
        self.world = Field(NAMES, loses=self._loses, strategy="ring-all")
        self.caller = self.world.caller_arrives()
        self._listens = True
        self.world.enter(self.caller)
        self._play(ends)

    def _loses(self, event: SwitchEvent) -> bool:
        self.events += self._listens
        return self._listens and self.events - 1 == self._lost

    def _play(self, ends: str) -> None:
        world = self.world
        world.passes(2)
        world.picks_up("ann")
        world.passes(10)
        if ends == "agent":
            world.puts_down("ann")
            world.passes(5)
        world.goes(self.caller)
        world.passes(5)
        self._listens = False
        world.quiet()


def any_event_is_lost(ends: str) -> None:
    """Each in its turn: everybody is idle in the end, nothing is listed, and the next caller rings all five."""
    for lost in range(-1, Story(ends=ends).events):
        world = Story(lost, ends=ends).world
        assert world.states() == dict.fromkeys(NAMES, "idle"), f"event {lost} was lost"
        assert (world.acd.callers, world.acd.offers.out, world.registry.legs) == ({}, {}, {}), f"event {lost} was lost"
        world.passes(60)
        world.caller_queues()
        world.obeys()
        assert len(world.acd.offers.out) == len(NAMES)


@pytest.mark.parametrize("ends", ["agent", "caller"])
def test_any_event_may_be_lost_and_nobody_stays_reserved(ends: str) -> None:
    any_event_is_lost(ends)


def nobody_answers() -> None:
    """Five phones ring and no word ever comes of them again: each is given up when its time is over, and rung anew."""
    world = Field(NAMES, strategy="ring-all", refused_again_ms=0)
    caller = world.caller_queues()
    for _ in range(5):
        world.passes(30)
        now = world.clock.now()
        assert all(offer.made_at > now - 30_000_000 for offer in world.acd.offers.out.values())
    world.goes(caller)
    world.quiet()
    assert set(world.states().values()) == {"idle"}


def test_an_offer_has_a_deadline() -> None:
    nobody_answers()


def offers_without_a_deadline(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Offers, "_overdue", lambda self, offer: None)


def nobody_looks_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Recovery, "reconcile", lambda self, node: None)
    patch.setattr(Recovery, "look_at", lambda self, node, leg_id: None)
    patch.setattr(Talks, "see_off", lambda self, caller: None)


def test_the_scenario_fails_on_the_complaint() -> None:
    assert_fails_with(offers_without_a_deadline, nobody_answers)
    assert_fails_with(nobody_looks_again, lambda: any_event_is_lost("agent"))
