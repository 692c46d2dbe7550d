"""Agents: signing in and out, breaks, wrap-up, phones that are busy without us, and what a restart keeps."""

from __future__ import annotations

import itertools

import pytest

from ccd.acd.agent_states import NEXT, AgentState, Cue
from ccd.acd.facts import AgentChanged, OfferResult
from ccd.acd.model import Activity, Presence
from ccd.acd.phones import phone_of
from ccd.base.errors import BadTransition, NotFound, Refused
from tests.builders import World, agent, new_leg, queue, station, tier

IDLE, OFFERED, TALKING, WRAP_UP = Activity.IDLE, Activity.OFFERED, Activity.TALKING, Activity.WRAP_UP


@pytest.mark.parametrize(("activity", "cue"), list(itertools.product(Activity, Cue)))
def test_only_the_steps_of_the_table_are_taken(activity: Activity, cue: Cue) -> None:
    state = AgentState(agent("alice"), activity=activity)
    if (activity, cue) in NEXT:
        state.step(cue, 5)
        assert (state.activity, state.activity_since) == (NEXT[activity, cue], 5)
    else:
        with pytest.raises(BadTransition):
            state.step(cue, 5)
        assert state.activity is activity


@pytest.fixture
def wrapping() -> World:
    world = World()
    world.configure([queue(wrap_up_ms=5000)], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    return world


def talk(world: World, name: str = "alice") -> None:
    caller = world.caller_queues()
    leg = world.connect(caller, name)
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)


def test_wrap_up_is_a_state_and_ends(wrapping: World) -> None:
    talk(wrapping)
    assert wrapping.agent("alice").activity is WRAP_UP
    caller = wrapping.caller_queues()
    wrapping.clock.advance(4.9)
    assert wrapping.offered_to(caller) == ""
    wrapping.clock.advance(0.1)
    assert wrapping.offered_to(caller) == "alice"
    assert [fact.activity for fact in wrapping.of(AgentChanged)] == [
        "idle",
        "offered",
        "talking",
        "wrap_up",
        "idle",
        "offered",
    ]


def test_wrap_up_is_not_moved_by_a_stepped_clock(wrapping: World) -> None:
    talk(wrapping)
    wrapping.clock.step_wall_clock(-3600)
    wrapping.clock.advance(5)
    assert wrapping.agent("alice").activity is IDLE


def test_logout_in_wrap_up_ends_it_and_frees_the_seat(wrapping: World) -> None:
    talk(wrapping)
    wrapping.acd.roster.logout("a-alice")
    assert wrapping.agent("alice").activity is IDLE
    assert wrapping.agent("alice").station is None
    assert wrapping.clock.pending() == 0 or wrapping.clock.advance(60) is None
    assert wrapping.agent("alice").presence is Presence.LOGGED_OUT


def test_pause_while_talking_lets_the_conversation_end_and_nothing_follow(wrapping: World) -> None:
    caller = wrapping.caller_queues()
    leg = wrapping.connect(caller, "alice")
    wrapping.acd.roster.pause("a-alice", "lunch")
    assert wrapping.agent("alice").activity is TALKING
    wrapping.clock.advance(10)
    wrapping.agent_hangs_up(caller, leg)
    wrapping.clock.advance(5)
    assert wrapping.agent("alice").activity is IDLE
    assert wrapping.offered_to(wrapping.caller_queues()) == ""


def test_pause_while_the_phone_rings_lets_it_ring_and_nothing_follow(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.acd.roster.pause("a-alice", "lunch")
    assert world.offered_to(caller) == "alice"
    world.hung_up(world.phone_rings("alice"), "USER_BUSY")
    world.clock.advance(60)
    assert world.offered_to(caller) == ""
    assert world.agent("alice").reason == "lunch"


def test_logout_while_talking_frees_the_seat_when_the_conversation_ends(world: World) -> None:
    world.configure([queue()], ["alice", "bob"], [tier("support", "alice")])
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.acd.roster.logout("a-alice")
    with pytest.raises(Refused, match="taken"):
        world.acd.roster.login("a-bob", "s-alice")
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    assert world.agent("alice").activity is IDLE
    assert world.acd.roster.login("a-bob", "s-alice").station == station("alice")


@pytest.mark.parametrize("max_no_answers", [0, 1])
def test_logout_while_offered_frees_the_seat_and_stays_a_logout(max_no_answers: int) -> None:
    """A missed call does not drag somebody who has gone home back on break, and his seat is free."""
    world = World()
    world.configure([queue(max_no_answers=max_no_answers)], ["alice", "bob"], [tier("support", "alice")])
    world.ready("alice")
    world.caller_queues()
    world.acd.roster.logout("a-alice")
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    assert world.agent("alice").presence is Presence.LOGGED_OUT
    assert world.agent("alice").activity is IDLE
    world.acd.roster.login("a-bob", "s-alice")


def test_logout_while_offered_and_then_answered_ends_after_the_talk(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.acd.roster.logout("a-alice")
    leg = world.connect(caller, "alice")
    assert world.agent("alice").activity is TALKING
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    assert (world.agent("alice").activity, world.agent("alice").station) == (IDLE, None)


def test_login_moves_an_agent_but_not_off_a_call_and_not_onto_a_taken_seat(world: World) -> None:
    world.ready("alice", "bob")
    with pytest.raises(Refused, match="taken by bob"):
        world.acd.roster.login("a-alice", "s-bob")
    world.acd.roster.logout("a-bob")
    assert world.acd.roster.login("a-alice", "s-bob").station == station("bob")
    caller = world.caller_queues()
    assert world.offered_to(caller) == "alice"
    with pytest.raises(Refused, match="on a call"):
        world.acd.roster.login("a-alice", "s-carol")
    with pytest.raises(NotFound):
        world.acd.roster.login("a-nobody")
    with pytest.raises(Refused, match="no station"):
        world.acd.roster.login("a-carol", "s-nowhere")
    with pytest.raises(Refused, match="not logged in"):
        world.acd.roster.pause("a-carol", "lunch")


def test_doing_it_twice_is_harmless(world: World) -> None:
    world.ready("alice")
    before = len(world.facts)
    world.acd.roster.login("a-alice")
    world.acd.roster.resume("a-alice")
    world.acd.roster.logout("a-bob")
    assert len(world.facts) == before
    changes = len(world.of(AgentChanged))
    world.acd.roster.pause("a-alice", "lunch")
    world.acd.roster.pause("a-alice", "lunch")
    assert len(world.of(AgentChanged)) == changes + 1
    world.acd.roster.pause("a-alice", "meeting")
    assert world.agent("alice").reason == "meeting"


# --- phones that ring or talk without us -----------------------------------------------------------


def private_call(world: World, phone: str, *, inbound: bool) -> str:
    leg = new_leg()
    if inbound:  # he dials out himself: for the switch an inbound leg of his station
        world.created(leg, inbound=True, number=phone, context="ccd_agents", name=f"sofia/internal/{phone}@10.0.0.9")
    else:
        world.created(leg, inbound=False, number="99", context="x", name=f"sofia/internal/{phone}@10.0.0.9:5062")
    return leg


@pytest.mark.parametrize("inbound", [True, False])
def test_any_leg_of_his_station_makes_an_agent_not_offerable(world: World, inbound: bool) -> None:
    world.ready("alice")
    leg = private_call(world, "alice", inbound=inbound)
    caller = world.caller_queues()
    assert world.offered_to(caller) == ""
    second = private_call(world, "alice", inbound=inbound)
    world.hung_up(leg)
    assert world.offered_to(caller) == ""
    world.hung_up(second)
    assert world.offered_to(caller) == "alice"


@pytest.mark.parametrize("inbound", [True, False])
def test_agent_who_signs_in_during_a_private_call_is_busy(world: World, inbound: bool) -> None:
    leg = private_call(world, "alice", inbound=inbound)
    world.ready("alice")
    caller = world.caller_queues()
    assert world.offered_to(caller) == ""
    world.acd.roster.logout("a-alice")
    world.acd.roster.login("a-alice")
    assert world.offered_to(caller) == ""
    world.hung_up(leg)
    assert world.offered_to(caller) == "alice"
    assert world.acd.roster.seats.phones.is_quiet()


def test_private_call_during_the_talk_counts_when_the_talk_is_over(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    private = private_call(world, "alice", inbound=False)
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    waiting = world.caller_queues()
    assert world.offered_to(waiting) == ""
    world.hung_up(private)
    assert world.offered_to(waiting) == "alice"


def test_customer_whose_number_is_that_of_a_phone_is_no_phone(world: World) -> None:
    world.ready("alice")
    world.created(new_leg(), inbound=True, number="alice", context="ccd", name="sofia/outside/alice@pbx")
    assert world.offered_to(world.caller_queues()) == "alice"


@pytest.mark.parametrize(
    ("name", "phone"),
    [
        ("user/1001@example.com", "1001"),
        ("sofia/internal/1001@192.0.2.1:5060", "1001"),
        ("sofia/gateway/carrier/95551234", "95551234"),
        ("FreeTDM/1:1/95551234", "95551234"),
        ("1001", "1001"),
    ],
)
def test_phone_of_a_name(name: str, phone: str) -> None:
    assert phone_of(name) == phone


# --- restart ----------------------------------------------------------------------------------------


def restarted(world: World, queues: list | None = None, names: tuple[str, ...] = ("alice", "bob")) -> World:
    """A new core with the old one's ledger."""
    again = World()
    again.configure(queues or [queue(wrap_up_ms=5000)], list(names), [tier("support", name) for name in names])
    again.clock.advance((world.clock.now() - again.clock.now()) / 1e6)
    for last in list(world.ledger.agents.values()):
        again.acd.roster.restore(last)
    return again


def test_restart_keeps_breaks_reasons_and_wrap_up(wrapping: World) -> None:
    talk(wrapping)
    wrapping.clock.advance(2)
    again = restarted(wrapping)
    assert again.agent("alice").activity is WRAP_UP
    again.clock.advance(2.9)
    assert again.agent("alice").activity is WRAP_UP
    again.clock.advance(0.2)
    assert again.agent("alice").activity is IDLE
    wrapping.acd.roster.pause("a-alice", "lunch")
    again = restarted(wrapping)
    assert (again.agent("alice").presence, again.agent("alice").reason) == (Presence.ON_BREAK, "lunch")
    assert again.agent("alice").presence_since == wrapping.agent("alice").presence_since


def test_restart_does_not_give_a_seat_back_to_who_has_signed_out(world: World) -> None:
    world.ready("alice")
    world.acd.roster.logout("a-alice")
    again = restarted(world)
    assert again.agent("alice").station is None
    again.acd.roster.login("a-bob", "s-alice")


def test_missed_calls_survive_a_restart() -> None:
    world = World()
    world.configure([queue(max_no_answers=2)], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    world.clock.advance(2)  # the next offer publishes the agent's state
    again = restarted(world, [queue(max_no_answers=2)], ("alice",))
    assert again.agent("alice").no_answers == 1
    assert world.results() == [("alice", OfferResult.NO_ANSWER)]
