"""Complaint 3: A dead call rings an agent after the caller hung up.

https://github.com/signalwire/freeswitch/issues/2529

The order to ring a phone is out when the caller hangs up. The order to stop overtakes it, finds no channel, and the phone
rings for nobody.
"""

from __future__ import annotations

import pytest

from ccd.acd.given_up import GivenUp
from ccd.acd.offer_endings import OfferEndings
from ccd.switch.commands import Bridge, Hangup, Originate
from tests.builders import World, queue, tier
from tests.complaints.seeding import assert_fails_with


def a_world(**settings: object) -> World:
    world = World()
    world.configure([queue(**settings)], ["ann", "ben"], [tier("support", "ann"), tier("support", "ben")])
    return world


def the_caller_is_gone_before_the_channel_is_there() -> World:
    """He hangs up in the turn in which the phone is ordered: it is told to stop, and again as soon as it exists."""
    world = a_world()
    world.ready("ann")
    caller = world.caller_arrives()
    world.enter(caller)
    leg = world.ringing("ann")
    assert world.switch.last(Originate).leg_id == leg, "ordered under an id of ours, by which it can be stopped"
    world.caller_hangs_up(caller)
    assert [one.leg_id for one in world.switch.all(Hangup)] == [leg], "of which the switch has no channel yet"
    world.phone_rings("ann")
    assert [one.leg_id for one in world.switch.all(Hangup)] == [leg, leg], "it exists now, and is told to stop at once"
    return world


def test_a_phone_that_is_ordered_for_somebody_who_has_gone_stops_as_it_begins() -> None:
    world = the_caller_is_gone_before_the_channel_is_there()
    world.switch_obeys()
    assert world.agent("ann").activity == "idle"
    world.assert_at_rest()


def the_phone_is_answered_all_the_same() -> None:
    """Nobody is joined to anybody, and the agent is free again within seconds, whatever the switch says."""
    world = a_world()
    world.ready("ann")
    caller = world.caller_queues()
    world.caller_hangs_up(caller)
    leg = world.phone_answers("ann")
    assert world.switch.all(Bridge) == []
    world.clock.advance(3)  # no word of its end
    assert leg not in world.registry.legs
    assert world.agent("ann").activity == "idle"
    world.assert_at_rest()


def test_an_agent_who_answers_nobody_is_free_again() -> None:
    the_phone_is_answered_all_the_same()


def a_reset_agents_phone_begins_to_ring() -> None:
    """A reset does not wait for the switch: what it had ordered before must not ring the agent later."""
    world = a_world()
    world.ready("ann")
    caller = world.caller_queues()
    leg, order = world.ringing("ann"), world.switch.last(Originate)
    world.acd.roster.pause("a-ann", "lunch")
    world.acd.duties.reset("a-ann")
    world.switch.forget()
    ours = {key.removeprefix("ccd_"): value for key, value in order.variables.items()}
    carried = {key: ours[key] for key in ("role", "call_id", "agent_id", "offer_id")}
    world.created(leg, inbound=False, number="", context="ccd", name="sofia/internal/ann@x", **carried)
    assert [one.leg_id for one in world.switch.all(Hangup)] == [leg]
    world.hung_up(leg, "ORIGINATOR_CANCEL")
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def test_what_a_reset_took_back_does_not_ring_later() -> None:
    a_reset_agents_phone_begins_to_ring()


def several_phones_ring_and_he_goes(gone_after: int) -> None:
    """Ring-all: each phone that begins to ring after he has gone is stopped."""
    world = a_world(strategy="ring-all")
    world.ready("ann", "ben")
    caller = world.caller_queues()
    legs = [world.ringing(name) for name in ("ann", "ben")]
    for name in ("ann", "ben")[:gone_after]:
        world.phone_rings(name)
    world.caller_hangs_up(caller)
    assert [one.leg_id for one in world.switch.all(Hangup)] == legs
    for name in ("ann", "ben")[gone_after:]:
        world.phone_rings(name)
    assert [one.leg_id for one in world.switch.all(Hangup)] == legs + legs[gone_after:]


@pytest.mark.parametrize("gone_after", [0, 1, 2])
def test_of_several_phones_none_goes_on_ringing(gone_after: int) -> None:
    several_phones_ring_and_he_goes(gone_after)


def stopped_only_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GivenUp, "on_leg_created", lambda self, fact: None)


def the_caller_is_not_looked_at_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OfferEndings, "withdraw", lambda self, caller: None)


def test_the_scenario_fails_on_the_complaint() -> None:
    for story in (the_caller_is_gone_before_the_channel_is_there, a_reset_agents_phone_begins_to_ring):
        assert_fails_with(stopped_only_once, story)
    assert_fails_with(the_caller_is_not_looked_at_again, the_caller_is_gone_before_the_channel_is_there)
