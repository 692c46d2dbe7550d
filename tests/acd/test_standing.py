"""Standing agents: one leg that stays up, callers joined to it, and what its loss means."""

from __future__ import annotations

import msgspec
import pytest

from ccd.acd.facts import CallerConnected, OfferEnded, OfferResult, TalkEnded
from ccd.base.errors import Refused
from ccd.calls.facts import EndedBy, LegCreated
from ccd.switch.commands import Bridge, DropLease, Hangup, Lease, Originate, Overlay, Park, SetVariables
from ccd.switch.events import ChannelAnswered, ChannelUnbridged
from tests.builders import World, station

BEEP = "tone_stream://%(150,0,800)"


@pytest.fixture
def stands(world: World) -> World:
    """Alice is about to stand: nobody has signed in yet."""
    world.bus.on(LegCreated, world.acd.standing.on_leg_created)
    return world


def calls(world: World, name: str) -> str:
    """The agent signs in standing, and his phone rings; the leg."""
    world.acd.roster.login(f"a-{name}", standing=True)
    return rings(world, name)


def rings(world: World, name: str) -> str:
    order = world.switch.all(Originate)[-1]
    world.created(
        order.leg_id,
        inbound=False,
        number="",
        context="ccd_after",
        name=f"sofia/internal/{name}@192.0.2.1:5060",
        role=order.variables["ccd_role"],
        agent_id=order.variables["ccd_agent_id"],
    )
    return order.leg_id


def parks(world: World, leg_id: str) -> None:
    world.parked(leg_id, inbound=False, entry="")


def answers(world: World, leg_id: str) -> None:
    world.say(ChannelAnswered(leg_id=leg_id, at=world.clock.now()))
    parks(world, leg_id)


def up(world: World, name: str = "alice") -> str:
    leg_id = calls(world, name)
    answers(world, leg_id)
    return leg_id


def joined(world: World, caller: str, leg_id: str) -> None:
    """The loop turns, the bridge is ordered, and made."""
    world.clock.advance(0.001)
    assert world.switch.last(Bridge, caller).other_id == leg_id
    world.bridged(caller, leg_id)


def caller_goes(world: World, caller: str, leg_id: str) -> None:
    """The customer's BYE: his leg ends, and the standing one parks again."""
    world.hung_up(caller, disposition="recv_bye")
    world.say(ChannelUnbridged(leg_id=leg_id, at=world.clock.now(), other_id=caller))
    parks(world, leg_id)


def test_an_agent_who_stands_is_called_once_and_ready_when_he_has_answered(stands: World) -> None:
    leg_id = calls(stands, "alice")
    order = stands.switch.last(Originate, leg_id)
    assert (order.extension, order.context) == ("standing", "ccd_after")
    assert stands.agent("alice").line == "calling"
    caller = stands.caller_queues()
    assert stands.offered_to(caller) == ""
    answers(stands, leg_id)
    assert stands.offered_to(caller) == "alice"
    assert stands.agent("alice").elsewhere == set(), "his own standing leg is no call elsewhere"
    joined(stands, caller, leg_id)
    assert stands.agent("alice").activity == "talking"
    assert len(stands.switch.all(Originate)) == 1


def test_three_callers_in_a_row_over_the_same_leg(stands: World) -> None:
    leg_id = up(stands)
    for _ in range(3):
        caller = stands.caller_queues()
        joined(stands, caller, leg_id)
        stands.clock.advance(5)
        caller_goes(stands, caller, leg_id)
        assert stands.agent("alice").activity == "idle"
    talks = [fact for fact in stands.facts if isinstance(fact, TalkEnded)]
    assert [talk.ended_by for talk in talks] == [EndedBy.CALLER] * 3
    assert {fact.leg_id for fact in stands.facts if isinstance(fact, CallerConnected)} == {leg_id}
    assert stands.switch.all(Hangup) == []
    assert stands.switch.last(SetVariables, leg_id).values == {"ccd_offer_id": "", "ccd_call_id": ""}


def test_the_end_of_a_talk_may_be_told_by_the_standing_leg_first(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.clock.advance(5)
    stands.say(ChannelUnbridged(leg_id=leg_id, at=stands.clock.now(), other_id=caller))
    parks(stands, leg_id)
    stands.hung_up(caller, disposition="recv_bye")
    assert [fact.ended_by for fact in stands.facts if isinstance(fact, TalkEnded)] == [EndedBy.CALLER]
    assert stands.agent("alice").presence == "available"


def test_the_beep_is_laid_over_what_the_agent_hears(stands: World) -> None:
    stands.acd.standing._beep = BEEP
    leg_id = up(stands)
    joined(stands, stands.caller_queues(), leg_id)
    assert stands.switch.last(Overlay).audio == BEEP
    assert [one.leg_id for one in stands.switch.all(Overlay)] == [leg_id]


def test_a_parked_leg_is_under_a_lease_that_hangs_it_up_and_a_talking_one_is_not(stands: World) -> None:
    stands.guards.start(30)
    leg_id = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    assert stands.switch.last(DropLease, leg_id)
    stands.switch.forget()
    stands.clock.advance(40)
    assert stands.switch.all(Lease, leg_id) == []
    stands.guards.hold(leg_id, leased=False, ours=True)
    assert stands.switch.last(Lease, leg_id).hang_up


def test_wrap_up_and_a_break_keep_the_leg(stands: World) -> None:
    leg_id = up(stands)
    stands.acd.roster.agents["a-alice"].settings = stands.agent("alice").settings.__class__(
        agent_id="a-alice", name="alice", station_id="s-alice", wrap_up_ms=10_000
    )
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.clock.advance(5)
    caller_goes(stands, caller, leg_id)
    assert stands.agent("alice").activity == "wrap_up"
    stands.acd.roster.pause("a-alice", "")
    stands.clock.advance(11)
    next_one = stands.caller_queues()
    assert stands.offered_to(next_one) == ""
    stands.acd.roster.resume("a-alice")
    joined(stands, next_one, leg_id)
    assert stands.switch.all(Hangup) == []


@pytest.mark.parametrize(
    ("cause", "sip", "rang", "means"),
    [
        ("NO_ANSWER", "", True, "standing_no_answer"),
        ("USER_BUSY", "sip:486", False, "standing_busy"),
        ("CALL_REJECTED", "sip:603", True, "standing_rejected"),
        ("USER_NOT_REGISTERED", "", False, "standing_not_registered"),
    ],
)
def test_a_phone_that_is_not_answered_signs_out_and_says_why(
    stands: World, cause: str, sip: str, rang: bool, means: str
) -> None:
    leg_id = calls(stands, "alice")
    stands.hung_up(leg_id, cause, sip=sip, rang=rang)
    agent = stands.agent("alice")
    assert (agent.presence, agent.signed_out_by, agent.line) == ("logged_out", means, "")
    assert agent.station is None


def test_a_phone_of_which_nothing_is_heard_signs_out_in_time(stands: World) -> None:
    leg_id = calls(stands, "alice")
    stands.clock.advance(34)
    assert stands.agent("alice").signed_out_by == "standing_unreachable"
    assert stands.switch.last(Hangup, leg_id)


def test_an_originate_that_is_refused_signs_out(stands: World) -> None:
    leg_id = calls(stands, "alice")
    stands.job_failed(leg_id, "USER_NOT_REGISTERED")
    stands.hung_up(leg_id, "USER_NOT_REGISTERED")
    assert stands.agent("alice").presence == "logged_out"


def test_nobody_stands_where_a_key_is_demanded_of_who_answers(stands: World) -> None:
    """A mobile's voicemail would answer the log-in, and stand for him."""
    roster = stands.acd.roster
    seat = msgspec.structs.replace(station("alice"), confirm=True, standing=True)
    roster.configure([one.settings for one in roster.agents.values()], [seat], [])
    for standing in (True, None):
        with pytest.raises(Refused, match="demands a key"):
            roster.login("a-alice", standing=standing)
    assert roster.find("a-alice").presence == "logged_out"
    assert roster.login("a-alice", standing=False).presence == "available"


def test_the_agent_hangs_up_his_leg_in_a_talk(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.clock.advance(5)
    stands.agent_hangs_up(caller, leg_id)
    assert stands.done == [(caller, "connected")]
    assert [fact.ended_by for fact in stands.facts if isinstance(fact, TalkEnded)] == [EndedBy.AGENT]
    agent = stands.agent("alice")
    assert (agent.presence, agent.activity, agent.signed_out_by) == ("logged_out", "idle", "standing_lost")


def test_a_talk_is_ended_without_losing_the_leg(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.clock.advance(5)
    stands.acd.duties.hang_up("a-alice")
    assert stands.switch.last(Park, leg_id)
    stands.say(ChannelUnbridged(leg_id=caller, at=stands.clock.now(), other_id=leg_id))
    parks(stands, leg_id)
    stands.parked(caller)
    assert stands.done == [(caller, "connected")]
    assert [fact.ended_by for fact in stands.facts if isinstance(fact, TalkEnded)] == [EndedBy.AGENT]
    joined(stands, stands.caller_queues(), leg_id)


def test_hang_up_is_refused_without_a_conversation_and_ends_an_ordinary_one(stands: World) -> None:
    stands.ready("bob")
    with pytest.raises(Refused, match="agent bob is in no conversation"):
        stands.acd.duties.hang_up("a-bob")
    caller = stands.caller_queues()
    leg_id = stands.connect(caller, "bob")
    stands.acd.duties.hang_up("a-bob")
    assert stands.switch.last(Hangup, leg_id)


def test_a_caller_who_is_gone_before_the_bridge_leaves_the_leg_where_it_is(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_arrives()
    stands.enter(caller)
    stands.caller_hangs_up(caller)
    stands.clock.advance(0.001)
    assert stands.switch.all(Park) == []
    assert stands.switch.all(Hangup) == []
    (ended,) = [fact for fact in stands.facts if isinstance(fact, OfferEnded)]
    assert ended.result is OfferResult.CANCELLED
    stands.clock.advance(1)
    joined(stands, stands.caller_queues(), leg_id)


def test_a_caller_who_is_gone_at_the_bridge_has_the_leg_fetched(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    stands.clock.advance(0.001)
    stands.caller_hangs_up(caller)
    stands.clock.advance(0.001)
    assert stands.switch.last(Park, leg_id)
    assert stands.agent("alice").line == "returning"
    stands.clock.advance(1)
    waiting = stands.caller_queues()
    assert stands.offered_to(waiting) == ""
    parks(stands, leg_id)
    joined(stands, waiting, leg_id)


def test_a_leg_that_does_not_come_back_is_given_up(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    stands.clock.advance(0.001)
    stands.caller_hangs_up(caller)
    stands.clock.advance(4)
    assert stands.switch.last(Hangup, leg_id)
    assert stands.agent("alice").signed_out_by == "standing_lost"


def test_idle_loss_signs_out(stands: World) -> None:
    leg_id = up(stands)
    stands.hung_up(leg_id, disposition="recv_bye")
    assert (stands.agent("alice").presence, stands.agent("alice").signed_out_by) == ("logged_out", "standing_lost")
    caller = stands.caller_queues()
    assert stands.offered_to(caller) == ""


def test_a_log_out_hangs_up_an_idle_leg_at_once_and_a_talking_one_behind_the_talk(stands: World) -> None:
    first = up(stands)
    stands.acd.roster.logout("a-alice")
    assert stands.switch.last(Hangup, first)
    stands.hung_up(first)
    assert stands.agent("alice").signed_out_by == "logout"
    second = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, second)
    stands.acd.roster.logout("a-alice")
    assert stands.switch.all(Hangup, second) == []
    stands.clock.advance(5)
    caller_goes(stands, caller, second)
    assert stands.switch.last(Hangup, second)


def test_a_login_elsewhere_moves_the_leg(stands: World) -> None:
    first = up(stands)
    stands.acd.roster.login("a-alice", "s-carol", standing=True)
    second = stands.switch.all(Originate)[-1].leg_id
    assert second != first
    assert stands.switch.last(Hangup, first)
    stands.hung_up(first)
    assert (stands.agent("alice").presence, stands.agent("alice").line) == ("available", "calling")
    rings(stands, "carol")
    answers(stands, second)
    joined(stands, stands.caller_queues(), second)


def test_a_second_log_in_changes_nothing_and_may_change_the_way(stands: World) -> None:
    leg_id = up(stands)
    stands.acd.roster.login("a-alice")
    assert stands.agent("alice").standing
    assert stands.switch.all(Hangup) == []
    stands.acd.roster.login("a-alice", standing=False)
    assert stands.switch.last(Hangup, leg_id)
    stands.hung_up(leg_id)
    caller = stands.caller_queues()
    stands.connect(caller, "alice")
    assert len(stands.switch.all(Originate)) == 2


def test_a_log_in_is_refused_while_the_switch_is_away(stands: World) -> None:
    stands.is_up = False
    with pytest.raises(Refused, match="not reachable"):
        stands.acd.roster.login("a-alice", standing=True)
    assert stands.agent("alice").presence == "logged_out"


def test_a_reset_fetches_a_leg_that_is_nowhere(stands: World) -> None:
    leg_id = up(stands)
    stands.registry.legs[leg_id].parked = False
    stands.acd.duties.reset("a-alice")
    assert stands.switch.last(Park, leg_id)


def test_a_reset_takes_an_offer_back_and_keeps_the_leg(stands: World) -> None:
    leg_id = up(stands)
    caller = stands.caller_queues()
    stands.acd.duties.reset("a-alice")
    assert stands.switch.all(Hangup) == []
    stands.clock.advance(1)
    joined(stands, caller, leg_id)


def test_a_leg_that_a_ccd_before_us_called_is_taken_up_or_hung_up(stands: World) -> None:
    stray = "11111111-2222-4333-8444-555555555555"
    stands.created(
        stray,
        inbound=False,
        number="",
        context="ccd_after",
        name="sofia/internal/bob@x",
        role="standing",
        agent_id="a-bob",
    )
    assert stands.switch.last(Hangup, stray)
    leg_id = up(stands)
    assert stands.agent("alice").line == "up"
    assert stands.switch.all(Hangup, leg_id) == []


@pytest.mark.parametrize("cause", ["DESTINATION_OUT_OF_ORDER", "NORMAL_CLEARING"])
@pytest.mark.parametrize("first", ["caller", "agent"])
@pytest.mark.parametrize("is_bridged", [False, True])
@pytest.mark.parametrize("parks_first", [False, True])
def test_who_loses_his_leg_to_the_switch_with_a_hasty_caller_is_called_again(
    stands: World, cause: str, first: str, is_bridged: bool, parks_first: bool
) -> None:
    """FreeSWITCH ends it where the caller goes between the order to join the two and their hearing each other."""
    leg_id = up(stands)
    caller = stands.caller_queues()
    stands.clock.advance(0.001)
    assert stands.switch.last(Bridge, caller).other_id == leg_id
    if is_bridged:
        stands.bridged(caller, leg_id)
    if parks_first:
        stands.say(ChannelUnbridged(leg_id=leg_id, at=stands.clock.now(), other_id=caller))
        parks(stands, leg_id)
        stands.clock.advance(0.006)
    ends = {
        "caller": lambda: stands.hung_up(caller, disposition="recv_bye"),
        "agent": lambda: stands.hung_up(leg_id, cause, disposition="send_bye"),
    }
    for one in sorted(ends, key=lambda one: one != first):
        ends[one]()
    stands.clock.advance(0.1)
    agent = stands.agent("alice")
    assert (agent.presence, agent.line, agent.signed_out_by, agent.missed) == ("available", "calling", "", {})
    assert OfferResult.REJECTED not in [fact.result for fact in stands.of(OfferEnded)]
    again = rings(stands, "alice")
    assert again != leg_id
    answers(stands, again)
    stands.clock.advance(60)
    joined(stands, stands.caller_queues(), again)


def test_who_does_not_answer_then_is_signed_out_and_a_lost_telephone_is_not_called(stands: World) -> None:
    leg_id = up(stands)
    stands.hung_up(leg_id, disposition="send_bye")
    assert stands.agent("alice").signed_out_by == "standing_lost", "idle: somebody ended it at the switch"
    leg_id = up(stands)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.hung_up(leg_id, "MEDIA_TIMEOUT", disposition="send_bye")
    assert (stands.agent("alice").signed_out_by, stands.agent("alice").line) == ("standing_lost", "")
    stands.caller_hangs_up(caller)
    leg_id = up(stands)
    stands.clock.advance(60)
    caller = stands.caller_queues()
    joined(stands, caller, leg_id)
    stands.hung_up(leg_id, "DESTINATION_OUT_OF_ORDER", disposition="send_bye")
    stands.hung_up(caller, disposition="recv_bye")
    stands.hung_up(rings(stands, "alice"), "NO_ANSWER", rang=True)
    assert (stands.agent("alice").presence, stands.agent("alice").signed_out_by) == ("logged_out", "standing_no_answer")
