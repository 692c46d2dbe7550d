"""What the queue tells for its figures: places at joining, short abandons, whose wrap-up it is."""

from __future__ import annotations

import msgspec
import pytest

from ccd.acd.facts import AgentChanged, CallerLeft, CallerQueued, LeftReason, OfferMade
from ccd.acd.leaving import abandoned
from ccd.acd.model import Activity
from ccd.side.reports.folding import KINDS, fold
from tests.builders import World, queue, tier


def centre(**settings: int) -> World:
    world = World()
    world.configure([queue("support", **settings)], ["alice"], [tier("support", "alice")])
    return world


@pytest.mark.parametrize(
    ("short_ms", "waited_s", "reason"),
    [
        (5_000, 4.999, LeftReason.SHORT_ABANDONED),
        (5_000, 5, LeftReason.ABANDONED),
        (0, 0, LeftReason.ABANDONED),
        (60_000, 59, LeftReason.SHORT_ABANDONED),
    ],
)
def test_who_hangs_up_before_the_queue_counts_is_counted_apart(
    short_ms: int, waited_s: float, reason: LeftReason
) -> None:
    world = centre(short_abandon_ms=short_ms)
    caller = world.caller_arrives()
    world.enter(caller)
    world.clock.advance(waited_s)
    world.caller_hangs_up(caller)
    assert [fact.reason for fact in world.of(CallerLeft)] == [reason]


def test_a_lost_switch_is_no_abandon_however_short() -> None:
    assert abandoned(queue(), 0, 1_000, lost=True) is LeftReason.SWITCH_LOST
    assert abandoned(None, 0, 1_000) is LeftReason.ABANDONED  # the queue is gone, and nobody knows what it counted


def test_the_place_at_joining_goes_by_priority() -> None:
    world = centre()
    for priority in (0, 0, 1):
        world.caller_queues(priority=priority)
    assert [(fact.priority, fact.position) for fact in world.of(CallerQueued)] == [(0, 1), (0, 2), (1, 1)]


def test_who_is_being_rung_for_no_longer_stands_in_line() -> None:
    world = centre()
    world.ready("alice")
    for _ in range(3):
        world.caller_queues()
    assert [fact.position for fact in world.of(CallerQueued)] == [1, 1, 2]


def wrapping() -> tuple[World, str]:
    """Alice wraps up her first call; the offer that it was."""
    world = centre(wrap_up_ms=30_000)
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.clock.advance(60)
    world.agent_hangs_up(caller, leg)
    return world, world.of(OfferMade)[0].offer_id


def told(world: World) -> list[tuple[str, str]]:
    return [(fact.activity, fact.offer_id) for fact in world.of(AgentChanged)]


def test_wrap_up_names_the_conversation_it_is_for_and_nothing_else_does() -> None:
    world, offer = wrapping()
    world.acd.roster.pause("a-alice", "lunch")
    world.clock.advance(30)
    assert [one for one in told(world) if one[1]] == [("wrap_up", offer)] * 2  # the pause changes nothing of it
    assert told(world)[-1] == ("idle", "")


def test_wrap_up_over_a_restart_is_still_for_that_conversation() -> None:
    world, offer = wrapping()
    world.clock.advance(10)
    agent, last = world.agent("alice"), world.ledger.agents["a-alice"]
    agent.activity, agent.wraps_up = Activity.IDLE, ""
    world.acd.roster.restore(last)
    world.acd.roster.pause("a-alice", "lunch")
    assert told(world)[-1] == ("wrap_up", offer)


def test_each_queue_is_charged_for_its_own_part_of_a_moved_callers_wait() -> None:
    world = World()
    world.configure([queue("support"), queue("sales")], [], [])
    caller = world.caller_arrives()
    world.enter(caller)
    world.clock.advance(60)
    world.acd.operating.move("support", "sales")
    world.clock.advance(2)
    world.caller_hangs_up(caller)
    told = (msgspec.to_builtins(fact) for fact in world.facts)
    first, second = fold(fact for fact in told if fact["kind"] in KINDS).visits.values()
    assert (first.outcome, first.queue_id, first.wait_ms) == ("moved", "q-support", 60_000)
    # two seconds here, but a minute in all: that is no short abandon
    assert (second.outcome, second.queue_id, second.wait_ms) == ("abandoned", "q-sales", 2_000)
