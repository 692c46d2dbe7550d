"""The join, and a ccd that was away for a while: what was heard meanwhile, and what is still to be heard."""

from __future__ import annotations

from ccd.acd.facts import CallerConnected, OfferResult
from ccd.switch.commands import Bridge, Play
from ccd.switch.events import ChannelAnswered
from tests.builders import World, queue, tier
from tests.core.reborn import Reborn

QUEUES = [queue(agent_prompt="sales", caller_hears="agent_number")]
TIERS = [tier("support", "1001")]


def opened() -> tuple[World, str]:
    world = World()
    world.configure(QUEUES, ["1001"], TIERS)
    world.ready("1001")
    return world, world.caller_queues()


def reborn(world: World) -> Reborn:
    return Reborn(world, world.facts, QUEUES, ["1001"], TIERS)


def answers(world: World, leg: str) -> None:
    world.say(ChannelAnswered(leg_id=leg, at=world.clock.now()))
    world.parked(leg, inbound=False, entry="")


def test_a_telephone_that_was_found_ringing_still_hears_what_its_queue_says() -> None:
    before, caller = opened()
    leg = before.phone_rings("1001")
    world = reborn(before)
    answers(world, leg)
    assert [order.audio for order in world.switch.all(Play, leg)] == ["/srv/sales.wav"]
    assert world.introductions == [(caller, "1001")]
    assert world.switch.all(Bridge) == []


def test_an_agent_who_was_found_in_the_midst_of_it_is_joined_at_once() -> None:
    before, caller = opened()
    leg = before.phone_answers("1001")
    world = reborn(before)
    assert world.switch.all(Play) == []
    assert [(order.leg_id, order.other_id) for order in world.switch.all(Bridge)] == [(caller, leg)]
    world.bridged(caller, leg)
    assert world.results() == [("1001", OfferResult.ACCEPTED)]


def test_what_was_heard_to_its_end_while_the_socket_was_away_holds_nobody_up() -> None:
    before, caller = opened()
    leg = before.phone_rings("1001")
    world = reborn(before)
    answers(world, leg)
    world.acd.offers.joins.introduced(caller, "1001")
    played = {"variable_current_application": "playback", "variable_current_application_response": "FILE PLAYED"}
    now = str(world.clock.now())
    world.channels[leg] |= {"Channel-State": "CS_EXECUTE", "Caller-Channel-Answered-Time": now, **played}
    world.clock.advance(2)
    world.node.is_reconciled = False
    world.recovery.reconcile(world.node)
    assert [order.other_id for order in world.switch.all(Bridge)] == [leg], "not 18 s later"
    world.bridged(caller, leg)
    assert world.of(CallerConnected)[0].join_ms == 2_000


def test_what_is_still_being_heard_then_is_heard_to_its_end() -> None:
    before, caller = opened()
    leg = before.phone_rings("1001")
    world = reborn(before)
    answers(world, leg)
    world.acd.offers.joins.introduced(caller, "1001")
    now = str(world.clock.now())
    world.channels[leg] |= {"Channel-State": "CS_EXECUTE", "Caller-Channel-Answered-Time": now}
    world.channels[leg] |= {"variable_current_application": "playback", "variable_current_application_response": ""}
    world.node.is_reconciled = False
    world.recovery.reconcile(world.node)
    assert world.switch.all(Bridge) == []
