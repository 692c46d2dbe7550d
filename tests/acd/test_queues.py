"""Queues: order, priorities, several queues to an agent, and configuration that changes while calls run."""

from __future__ import annotations

import pytest

from ccd.acd import strategies
from ccd.acd.facts import CallerLeft, CallerQueued, LeftReason
from ccd.acd.lines import Ordered
from ccd.acd.model import Activity, Presence
from ccd.base.errors import NotFound, Refused
from tests.builders import World, queue, station, tier


def test_first_come_first_served_within_a_priority(world: World) -> None:
    low = world.caller_queues(priority=0)
    high = world.caller_queues(priority=5)
    later = world.caller_queues(priority=5)
    world.ready("alice", "bob", "carol")
    assert [world.offered_to(one) for one in (high, later, low)] == ["alice", "bob", "carol"]


def test_two_agents_and_two_callers_at_the_same_moment(world: World) -> None:
    first, second = world.caller_queues(), world.caller_queues()
    world.acd.roster.login("a-alice")
    world.acd.roster.login("a-bob")
    assert {world.offered_to(first), world.offered_to(second)} == {"alice", "bob"}
    assert world.offered_to(first) == "alice"


def test_caller_whose_offer_failed_is_before_those_who_came_after_him(world: World) -> None:
    world.ready("alice")
    first, second = world.caller_queues(), world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "USER_BUSY")
    world.ready("bob")
    assert (world.offered_to(first), world.offered_to(second)) == ("bob", "")


def test_agent_of_several_queues_takes_whoever_has_waited_longest_whatever_his_level_there() -> None:
    world = World()
    world.configure(
        [queue("support"), queue("sales"), queue("vip")],
        ["alice"],
        [tier("support", "alice", 2), tier("sales", "alice", 2), tier("vip", "alice", 1)],
    )
    sales, support, vip = world.caller_queues("sales"), world.caller_queues("support"), world.caller_queues("vip")
    world.ready("alice")
    order = []
    for _ in range(3):
        caller = next(one for one in (sales, support, vip) if world.offered_to(one))
        order.append(caller)
        world.caller_hangs_up(caller)
        world.switch_obeys()
        world.clock.advance(0.5)
    assert order == [sales, support, vip]


def test_an_offered_agent_stands_ready_in_none_of_his_queues() -> None:
    world = World()
    world.configure([queue("support"), queue("sales")], ["alice"], [tier("support", "alice"), tier("sales", "alice")])
    world.ready("alice")
    world.caller_queues("support")
    assert world.offered_to(world.caller_queues("sales")) == ""
    assert [world.acd.deciding.matcher.ready_in(one) for one in world.acd.queues] == [0, 0]


def test_caller_taken_out_of_the_queue_is_his_flows_again(world: World) -> None:
    caller = world.caller_queues()
    stay = world.acd.caller_of(caller)
    assert stay is not None
    world.acd.remove(stay)
    assert world.left(caller) == [LeftReason.KICKED]
    assert world.acd.caller_of(caller) is None


def test_agent_removed_while_he_talks_ends_his_conversation_in_peace(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.configure([queue()], ["bob"], [tier("support", "bob")])
    assert world.agent("alice").activity is Activity.TALKING
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    assert world.agent("alice").presence is Presence.LOGGED_OUT
    assert world.offered_to(world.caller_queues()) == ""
    world.configure([queue()], ["bob"], [tier("support", "bob")])
    assert list(world.acd.roster.agents) == ["a-bob"]


def test_agent_removed_while_his_phone_rings(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    world.configure([queue()], ["bob"], [tier("support", "bob")], bob=station("bob"))
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    assert world.offered_to(caller) == "bob"


def test_queue_removed_with_callers_in_it_keeps_them(world: World) -> None:
    world.ready("alice")
    talking, waiting = world.caller_queues(), world.caller_queues()
    leg = world.connect(talking, "alice")
    world.configure([queue("sales")], ["alice"], [tier("sales", "alice")])
    assert world.acd.caller_of(waiting) is not None
    world.caller_hangs_up(waiting)
    assert world.of(CallerLeft)[0].reason is LeftReason.SHORT_ABANDONED
    world.clock.advance(10)
    world.agent_hangs_up(talking, leg)
    assert world.left(talking) == [LeftReason.CONNECTED]
    world.configure([queue("sales")], ["alice"], [tier("sales", "alice")])
    assert list(world.acd.queues) == ["q-sales"]


def test_queue_removed_between_the_callers_end_and_the_end_of_the_ringing_leaves_no_agent_stuck(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.phone_rings("alice")
    world.caller_hangs_up(caller)
    world.configure([queue("sales")], ["alice"], [tier("sales", "alice")])
    world.switch_obeys()
    assert world.agent("alice").activity is Activity.IDLE
    world.clock.advance(0.5)
    assert world.offered_to(world.caller_queues("sales")) == "alice"


def test_tier_removed_and_given(world: World) -> None:
    world.ready("alice")
    world.configure([queue()], ["alice"], [])
    caller = world.caller_queues()
    assert world.offered_to(caller) == ""
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    assert world.offered_to(caller) == "alice"


def test_station_with_a_new_contact_is_rung_there(world: World) -> None:
    world.ready("alice")
    names = ["alice", "bob", "carol"]
    tiers = [tier("support", name) for name in names]
    world.configure([queue()], names, tiers, alice=station("alice", contact="user/2001@example.com"))
    caller = world.caller_queues()
    assert world.offered_to(caller) == "alice"
    assert world.acd.offers.out[world.agent("alice").offer_id].contact == "user/2001@example.com"


def test_station_that_is_gone_signs_its_agent_out(world: World) -> None:
    world.ready("alice")
    world.acd.roster.configure(
        [one.settings for one in world.acd.roster.agents.values()], [], [tier("support", "alice")]
    )
    assert world.agent("alice").presence is Presence.LOGGED_OUT
    assert world.offered_to(world.caller_queues()) == ""


def test_reconfiguration_logs_nobody_out_and_moves_no_caller(world: World) -> None:
    world.ready("alice")
    first, second = world.caller_queues(), world.caller_queues()
    since = world.agent("alice").presence_since
    names = ["alice", "bob", "carol"]
    world.configure([queue(wrap_up_ms=1000)], names, [tier("support", name) for name in names])
    assert world.agent("alice").presence_since == since
    assert world.offered_to(first) == "alice"
    world.ready("bob")
    assert world.offered_to(second) == "bob"


def test_nobody_is_offered_while_the_switch_is_away_and_everybody_when_it_is_back(world: World) -> None:
    world.ready("alice")
    world.is_up = False
    world.acd.refresh_all()
    caller = world.caller_queues()
    assert world.offered_to(caller) == ""
    world.is_up = True
    world.acd.refresh_all()
    assert world.offered_to(caller) == "alice"


def test_offer_that_ran_out_while_the_switch_was_away_is_not_the_agents_fault(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.is_up = False
    world.acd.refresh_all()
    world.clock.advance(23)
    assert len(world.acd.offers.out) == 1, "nobody can say what came of it"
    world.is_up = True
    world.acd.refresh_all()
    world.clock.advance(4)
    assert world.offered_to(caller) == "alice"


def test_events_are_awaited_only_while_somebody_waits_or_could_take(world: World) -> None:
    assert world.switch.awaited == 0
    caller = world.caller_queues()
    assert world.switch.awaited == 1
    world.caller_hangs_up(caller)
    assert world.switch.awaited == 0
    world.ready("alice")
    assert world.switch.awaited == 1
    world.acd.roster.logout("a-alice")
    assert world.switch.awaited == 0


def test_unknown_strategy_and_queue_are_refused(world: World) -> None:
    with pytest.raises(Refused, match="longest-idle-agent"):
        strategies.named("best-guess")
    with pytest.raises(NotFound):
        world.acd.queue_named("sales")
    assert world.acd.queue_named("support").settings.queue_id == "q-support"


def test_ordered_keeps_its_order() -> None:
    line = Ordered()
    for name, key in (("c", 3), ("a", 1), ("b", 2), ("a", 4)):
        line.add(name, key)
    assert list(line) == ["b", "c", "a"]
    assert (line.first(), line.first_key(), line.position("a"), line.position("z")) == ("b", 2, 3, 0)
    line.remove("b")
    line.remove("b")
    assert ("b" in line, len(line), line.first()) == (False, 2, "c")


def test_two_who_come_in_the_same_microsecond_are_told_places_of_their_own(world: World) -> None:
    """By the order in which they will be served, and the third stands behind both."""
    legs = [world.caller_arrives() for _ in range(3)]
    stays = {caller.entry_id: caller for caller in [world.enter(leg_id) for leg_id in legs]}
    line = list(world.acd.queues["q-support"].line)
    assert [world.acd.exits.position(stays[entry_id]) for entry_id in line] == [1, 2, 3]
    told = {fact.entry_id: fact.position for fact in world.of(CallerQueued)}
    first, second, third = stays
    assert told[first] == 1
    assert told[second] == sorted([first, second]).index(second) + 1
    assert told[third] == sorted([first, second, third]).index(third) + 1
    world.ready("alice")
    rung = world.acd.callers[line[0]]
    assert world.offered_to(rung.leg_id) == "alice"
    assert [world.acd.exits.position(stays[entry_id]) for entry_id in line] == [1, 2, 3]
