"""The live model: switch events in, facts out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccd.calls.facts import (
    CallAnswered,
    CallArrived,
    CallEnded,
    CallToFallback,
    EndedBy,
    LegAnswered,
    LegCreated,
    LegEnded,
    LegsBridged,
    Outcome,
    Role,
)
from ccd.calls.model import Leg
from ccd.switch import events as e
from tests.builders import NODE, World, new_leg

C = e.Carried


@pytest.fixture
def world() -> World:
    return World()


def told(world: World) -> list[str]:
    return [type(fact).__name__ for fact in world.facts]


def test_call_from_arrival_to_end(world: World) -> None:
    leg = world.caller_arrives("13800000000")
    world.clock.advance(2)
    world.caller_hangs_up(leg)
    assert told(world) == ["LegCreated", "CallArrived", "LegAnswered", "CallAnswered", "LegEnded", "CallEnded"]
    (arrived,), (ended,) = world.of(CallArrived), world.of(CallEnded)
    assert (arrived.caller_number, arrived.dialled, arrived.leg_id) == ("13800000000", "4008", leg)
    assert (ended.call_id, ended.duration_ms) == (arrived.call_id, 2000)
    assert (ended.outcome, ended.ended_by) == (Outcome.IVR_ENDED, EndedBy.CALLER)
    world.assert_at_rest()


@pytest.mark.parametrize(
    ("number", "e164"),
    [("013800138000", "+8613800138000"), ("anonymous", ""), ("1001", ""), ("02195588", "+862195588")],
)
def test_number_stands_as_it_came_and_as_it_is_compared(world: World, number: str, e164: str) -> None:
    world.caller_arrives(number)
    (arrived,), (created,) = world.of(CallArrived), world.of(LegCreated)
    assert (arrived.caller_number, arrived.caller_e164) == (number, e164)
    assert (created.number, created.number_e164) == (number, e164)


def test_leg_that_was_answered_before_it_came_to_us_is_an_answered_call(world: World) -> None:
    leg = new_leg()
    world.created(leg, inbound=True, number="138", context="ccd", name="sofia/outside/138@x")
    world.say(e.ChannelAnswered(leg_id=leg, at=world.clock.now()))
    world.parked(leg)
    (call,) = world.registry.calls.values()
    assert call.answered_at == world.ledger.calls[call.call_id].answered_at == world.clock.now()
    assert len(world.of(CallAnswered)) == 1


def test_parked_leg_without_the_dialplans_mark_is_no_call(world: World) -> None:
    leg = new_leg()
    world.created(leg, inbound=True, number="138", context="public", name="sofia/outside/138@x")
    world.parked(leg, entry="")
    assert world.registry.calls == {}


def test_leg_parked_again_is_the_same_call(world: World) -> None:
    leg = world.caller_arrives()
    world.parked(leg)
    world.parked(leg)
    assert len(world.of(CallArrived)) == 1


def test_duplicate_events_change_nothing(world: World) -> None:
    leg = world.caller_arrives()
    count = len(world.facts)
    world.created(leg, inbound=True, number="999", context="x", name="y")
    world.say(e.ChannelAnswered(leg_id=leg, at=world.clock.now() + 5))
    assert len(world.facts) == count
    world.hung_up(leg)
    world.hung_up(leg)
    assert len(world.of(LegEnded)) == len(world.of(CallEnded)) == 1


def test_events_of_unknown_legs_change_nothing(world: World) -> None:
    stray = new_leg()
    now = world.clock.now()
    for event in (
        e.ChannelAnswered(leg_id=stray, at=now),
        e.ChannelUnbridged(leg_id=stray, at=now, other_id="x"),
        e.ChannelBridged(leg_id=stray, at=now, other_id="x"),
        e.DigitPressed(leg_id=stray, at=now, digit="1"),
        e.RecordStopped(leg_id=stray, at=now, path="/x", duration_ms=1),
        e.ApplicationEnded(leg_id=stray, at=now, execution_id="x", application="playback", response=""),
        e.JobEnded(leg_id=stray, at=now, result="-ERR x"),
        e.Heartbeat(leg_id="", at=now, core_uuid="x"),
    ):
        world.say(event)
    world.parked(stray)
    world.hung_up(stray)
    assert (world.registry.legs, world.facts) == ({}, [])


@pytest.mark.parametrize(
    ("disposition", "by"), [("send_bye", EndedBy.SWITCH), ("send_refuse", EndedBy.SWITCH), ("recv_bye", EndedBy.CALLER)]
)
def test_a_call_in_the_fallback_is_ended_by_the_switch_or_its_caller_and_by_nobody_before(
    world: World, disposition: str, by: EndedBy
) -> None:
    """His agent hung up, and then the flow failed: neither ended the call."""
    leg = world.caller_arrives()
    (call,) = world.registry.calls.values()
    call.agent_hung_up = call.ended_by_ccd = True
    world.registry.note_fallback(world.registry.legs[leg], "flow_failed", world.clock.now())
    world.hung_up(leg, disposition=disposition)
    assert [(fact.call_id, fact.reason) for fact in world.of(CallToFallback)] == [(call.call_id, "flow_failed")]
    assert [fact.ended_by for fact in world.of(CallEnded)] == [by]


@pytest.mark.parametrize(
    ("disposition", "by"),
    [("send_bye", EndedBy.CCD), ("", EndedBy.CCD), ("recv_bye", EndedBy.CALLER), ("recv_cancel", EndedBy.CALLER)],
)
def test_caller_who_hangs_up_in_the_last_prompt_ended_the_call(world: World, disposition: str, by: EndedBy) -> None:
    """What he hears ends first, so that the flow comes to its hang-up before anybody says that he is gone."""
    leg = world.caller_arrives()
    (call,) = world.registry.calls.values()
    call.ended_by_ccd = True
    world.hung_up(leg, disposition=disposition)
    assert [fact.ended_by for fact in world.of(CallEnded)] == [by]


def test_the_ledger_knows_the_callers_leg_as_a_customers(world: World) -> None:
    """It was created before the registry knew whose it was."""
    leg = world.caller_arrives()
    (call,) = world.registry.calls.values()
    assert world.of(LegCreated)[0].role is Role.UNKNOWN
    assert (world.ledger.legs[leg].role, world.ledger.legs[leg].call_id) == ("customer", call.call_id)


def ordered(world: World, call_id: str = "") -> str:
    leg = new_leg()
    world.registry.order_leg(Leg(leg_id=leg, node=NODE, role=Role.AGENT, call_id=call_id, agent_id="a-alice"))
    return leg


@pytest.mark.parametrize(
    ("result", "cause"), [("-ERR SUBSCRIBER_ABSENT\n", "SUBSCRIBER_ABSENT"), ("-ERR\n", "UNKNOWN")]
)
def test_originate_that_fails_only_as_a_job(world: World, result: str, cause: str) -> None:
    leg = ordered(world)
    world.say(e.JobEnded(leg_id=leg, at=5, result=result))
    assert [fact.cause for fact in world.of(LegEnded)] == [cause]
    assert world.registry.legs == {}


def test_job_of_a_leg_that_has_a_channel_says_nothing_new(world: World) -> None:
    leg = ordered(world)
    world.created(leg, inbound=False, number="", context="x", name="sofia/internal/alice@x")
    world.say(e.JobEnded(leg_id=leg, at=5, result="-ERR USER_BUSY\n"))
    assert leg in world.registry.legs
    world.hung_up(leg, "USER_BUSY", sip="sip:486", rang=True)
    (ended,) = world.of(LegEnded)
    assert (ended.cause, ended.protocol_cause, ended.progressed_at > 0) == ("USER_BUSY", "sip:486", True)
    successful = ordered(world)
    world.say(e.JobEnded(leg_id=successful, at=5, result=f"+OK {successful}\n"))
    assert successful in world.registry.legs


def test_bridge_and_its_end(world: World) -> None:
    caller = world.caller_arrives()
    call_id = world.registry.legs[caller].call_id
    agent = ordered(world, call_id)
    world.created(agent, inbound=False, number="", context="x", name="sofia/internal/alice@x")
    world.bridged(caller, agent)
    legs = world.registry.legs
    assert (legs[caller].bridged_to, legs[agent].bridged_to, legs[caller].parked) == (agent, caller, False)
    assert world.of(LegsBridged)[0].call_id == call_id
    assert world.registry.calls[call_id].legs == {caller, agent}
    world.hung_up(agent)
    assert legs[caller].bridged_to == ""
    world.parked(caller)
    assert legs[caller].parked
    assert world.registry.calls[call_id].legs == {caller}


def test_parked_leg_is_bridged_to_nobody_even_if_the_unbridge_was_lost(world: World) -> None:
    caller, other = world.caller_arrives(), world.caller_arrives()
    world.bridged(caller, other)
    world.parked(caller)
    assert world.registry.legs[caller].bridged_to == ""


def test_switch_that_is_lost_ends_its_calls(world: World) -> None:
    caller = world.caller_arrives()
    world.registry.lose(caller, "SWITCH_LOST")
    world.registry.lose(caller, "SWITCH_LOST")
    (ended,) = world.of(CallEnded)
    assert ended.ended_by is EndedBy.SWITCH_LOST


@pytest.mark.parametrize(
    ("disposition", "by"), [("recv_bye", EndedBy.CALLER), ("send_bye", EndedBy.SWITCH), ("", EndedBy.CALLER)]
)
def test_call_that_the_switch_ended_by_itself_is_not_the_callers_doing(
    world: World, disposition: str, by: EndedBy
) -> None:
    """No media for too long, a session timer, a fault: he did not hang up. FreeTDM says nothing of it."""
    caller = world.caller_arrives()
    world.hung_up(caller, "MEDIA_TIMEOUT", disposition=disposition)
    assert world.of(CallEnded)[0].ended_by is by


def test_station_and_customer_and_our_own_legs_have_their_roles(world: World) -> None:
    station, ours, other = new_leg(), new_leg(), new_leg()
    world.created(station, inbound=True, number="1001", context="ccd_agents", name="sofia/internal/1001@x")
    world.created(ours, inbound=False, number="", context="x", name="y", role="agent", call_id="c1", agent_id="a-alice")
    world.created(other, inbound=True, number="", context="x", name="y", role="emperor")
    assert [fact.role for fact in world.of(LegCreated)] == [Role.STATION, Role.AGENT, Role.UNKNOWN]
    assert world.of(LegCreated)[1].agent_id == "a-alice"


LEGS = [new_leg() for _ in range(3)]
KINDS = ["created", "answered", "parked", "bridged", "unbridged", "hung_up", "job_failed", "ordered"]
STEP = st.tuples(st.sampled_from(KINDS), st.sampled_from(LEGS), st.sampled_from(LEGS))


def play(world: World, kind: str, leg: str, other: str) -> None:
    now = world.clock.now()
    match kind:
        case "created":
            world.created(leg, inbound=True, number="138", context="ccd", name="sofia/x/138@y")
        case "answered":
            world.say(e.ChannelAnswered(leg_id=leg, at=now))
        case "parked":
            world.parked(leg)
        case "bridged":
            world.bridged(leg, other)
        case "unbridged":
            world.say(e.ChannelUnbridged(leg_id=leg, at=now, other_id=other))
        case "hung_up":
            world.hung_up(leg)
        case "job_failed":
            world.job_failed(leg, "NO_ANSWER")
        case "ordered":
            if leg not in world.registry.legs:
                world.registry.order_leg(Leg(leg_id=leg, node=NODE, role=Role.AGENT))


@given(st.lists(STEP, max_size=60))
def test_events_in_any_order_leave_nothing_behind(steps: list[tuple[str, str, str]]) -> None:
    """Never a crash, never a leg left after all have hung up, exactly one end for each arrival."""
    world = World()
    for step in steps:
        play(world, *step)
    for leg in LEGS:
        world.hung_up(leg)
    world.assert_at_rest()
    arrived = [fact.call_id for fact in world.of(CallArrived)]
    assert sorted(arrived) == sorted(fact.call_id for fact in world.of(CallEnded))
    assert len(set(arrived)) == len(arrived)
    assert all(fact.leg_id in LEGS for fact in world.of(LegAnswered))
