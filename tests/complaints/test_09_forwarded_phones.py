"""Complaint 9: An agent's phone that forwards (302) loops until the timeout.

https://github.com/signalwire/freeswitch/issues/246
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ccd.acd import offer_endings
from ccd.acd.causes import Penalty
from ccd.acd.facts import CallerConnected
from ccd.acd.model import Presence
from ccd.switch.commands import Bridge, Originate
from tests.builders import World, queue, tier
from tests.complaints.seeding import assert_fails_with

GLOBALS = Path(__file__).parents[2] / "config" / "freeswitch" / "globals.xml"


def a_forwarded_phone() -> None:
    """A caller waits for an hour: the phone is asked three times, then its agent is on break. The next agent gets him at once."""
    world = World()
    world.configure([queue(refused_again_ms=0)], ["ann", "ben"], [tier("support", "ann"), tier("support", "ben", 2)])
    world.ready("ann")
    caller = world.caller_queues()
    for _ in range(720):
        if world.ringing("ann"):
            world.hung_up(world.phone_rings("ann"), "REQUESTED_CHAN_UNAVAIL", sip="sip:302")
        world.clock.advance(5)
        assert len(world.switch.all(Originate)) <= 3
    assert (world.agent("ann").presence, world.agent("ann").reason) == (Presence.ON_BREAK, "redirected")
    assert (world.switch.all(Bridge), world.of(CallerConnected)) == ([], []), "nobody is joined to the forward's target"
    world.ready("ben")
    assert world.offered_to(caller) == "ben"


def test_a_forward_is_not_followed_and_not_asked_for_ever() -> None:
    a_forwarded_phone()


def a_forward_costs_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(offer_endings, "penalty_of", lambda result, queue: Penalty())


def test_the_scenario_fails_on_the_complaint() -> None:
    assert_fails_with(a_forward_costs_nothing, a_forwarded_phone)


def test_freeswitch_is_told_not_to_follow_a_forward_by_itself() -> None:
    """It does unless this is set, and the forward's target would answer as if it were the agent."""
    assert '"outbound_redirect_fatal=true"' in GLOBALS.read_text()
