"""Offering: who is rung for whom, what every ending means for caller and agent."""

from __future__ import annotations

import pytest

from ccd.acd.causes import penalty_of
from ccd.acd.facts import CallerConnected, CallerLeft, CallerReturned, LeftReason, OfferEnded, OfferMade, TalkEnded
from ccd.acd.facts import OfferResult as R
from ccd.acd.model import Activity, Presence
from ccd.base.errors import SwitchGone, SwitchRefused
from ccd.calls.facts import CallEnded, EndedBy, Outcome
from ccd.switch.commands import Answer, Bridge, DropLease, Hangup, Lease, Originate
from ccd.switch.events import ChannelAnswered, ChannelBridged, ChannelUnbridged
from tests.builders import World, queue, station, tier

IDLE, OFFERED, TALKING, WRAP_UP = Activity.IDLE, Activity.OFFERED, Activity.TALKING, Activity.WRAP_UP


def test_caller_is_offered_to_the_agent_who_has_been_idle_longest(world: World) -> None:
    world.ready("bob", "alice", "carol")
    caller = world.caller_queues()
    assert world.offered_to(caller) == "bob"
    made = world.of(OfferMade)
    assert [one.agent_id for one in made] == ["a-bob"]
    assert world.switch.last(Originate).contact == "user/bob@example.com"
    assert world.agent("bob").activity is OFFERED


def test_lower_tier_is_offered_first_however_long_the_others_are_idle() -> None:
    world = World()
    world.configure(
        [queue()],
        ["old", "new", "late"],
        [tier("support", "old", 2), tier("support", "new", 1), tier("support", "late", 1)],
    )
    world.ready("old", "new", "late")
    assert [world.offered_to(world.caller_queues()) for _ in range(3)] == ["new", "late", "old"]


def test_conversation_from_arrival_to_end_leaves_nothing_behind(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.clock.advance(3)
    leg = world.connect(caller, "alice")
    assert world.agent("alice").activity is TALKING
    (connected,) = world.of(CallerConnected)
    assert connected.wait_ms == 3001
    assert world.results() == [("alice", R.ACCEPTED)]
    assert world.guards.held() == 0
    world.clock.advance(10)
    world.agent_hangs_up(caller, leg)
    (ended,) = world.of(TalkEnded)
    assert (ended.talk_ms, ended.ended_by) == (10_000, EndedBy.AGENT)
    assert world.left(caller) == [LeftReason.CONNECTED]
    assert world.agent("alice").activity is IDLE
    world.caller_hangs_up(caller)
    (call,) = world.of(CallEnded)
    assert (call.outcome, call.ended_by) == (Outcome.ANSWERED, EndedBy.AGENT)
    world.assert_at_rest()


def test_caller_who_hangs_up_ended_the_conversation_although_the_agents_leg_ends_first(world: World) -> None:
    """The switch ends the agent's leg (send_bye) and says so before it says that the caller is gone."""
    world.ready("alice")
    caller = world.caller_queues()
    world.connect(caller, "alice")
    world.clock.advance(10)
    world.caller_hangs_up(caller)
    (ended,) = world.of(TalkEnded)
    assert (ended.talk_ms, ended.ended_by) == (10_000, EndedBy.CALLER)
    assert world.of(CallEnded)[0].ended_by is EndedBy.CALLER
    assert world.of(CallerReturned) == []
    assert world.agent("alice").activity is IDLE
    world.assert_at_rest()


def test_caller_who_hangs_up_at_once_was_answered_and_not_given_back(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.connect(caller, "alice")
    world.clock.advance(0.1)
    world.caller_hangs_up(caller)
    assert world.of(CallEnded)[0].outcome is Outcome.ANSWERED
    assert world.of(CallerReturned) == []
    world.assert_at_rest()


def test_agents_leg_that_the_switch_ended_gives_the_caller_back_to_his_flow(world: World) -> None:
    """A supervisor kills the agent's leg: send_bye as well, but the caller comes back parked."""
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.clock.advance(10)
    world.hung_up(leg, disposition="send_bye")
    assert world.of(TalkEnded) == []
    world.say(ChannelUnbridged(leg_id=caller, at=world.clock.now(), other_id=leg))
    world.parked(caller)
    assert world.of(TalkEnded)[0].ended_by is EndedBy.AGENT
    assert world.left(caller) == [LeftReason.CONNECTED]


def test_agent_who_does_not_answer_goes_back_and_the_caller_is_offered_to_the_next(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.clock.advance(20)
    world.hung_up(leg, "NO_ANSWER", rang=True)
    assert world.agent("alice").activity is IDLE
    assert world.agent("alice").no_answers == 1
    assert world.offered_to(caller) == "bob"


def test_the_only_agent_is_asked_again_after_the_pause_that_a_missed_call_costs(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    assert world.offered_to(caller) == ""
    world.clock.advance(1.9)
    assert world.offered_to(caller) == ""
    world.clock.advance(0.1)
    assert world.offered_to(caller) == "alice"


CAUSES = [
    ("NO_ANSWER", "", True, "user/1@d", R.NO_ANSWER),
    ("NO_ANSWER", "", False, "user/1@d", R.UNREACHABLE),
    ("ALLOTTED_TIMEOUT", "", True, "user/1@d", R.NO_ANSWER),
    ("USER_BUSY", "sip:486", False, "user/1@d", R.BUSY),
    ("USER_BUSY", "sip:486", True, "user/1@d", R.REJECTED),
    ("USER_BUSY", "sip:600", True, "user/1@d", R.REJECTED),
    ("NO_USER_RESPONSE", "sip:480", True, "user/1@d", R.REJECTED),
    ("NO_USER_RESPONSE", "sip:480", False, "user/1@d", R.NOT_REGISTERED),
    ("RECOVERY_ON_TIMER_EXPIRE", "sip:408", False, "user/1@d", R.UNREACHABLE),
    ("USER_BUSY", "sip:486", True, "sofia/gateway/carrier/9555", R.BUSY),
    ("NO_USER_RESPONSE", "sip:480", False, "sofia/gateway/carrier/9555", R.CONGESTION),
    ("CALL_REJECTED", "sip:603", True, "user/1@d", R.REJECTED),
    ("USER_NOT_REGISTERED", "", False, "user/1@d", R.NOT_REGISTERED),
    ("SUBSCRIBER_ABSENT", "", False, "user/1@d", R.UNKNOWN_USER),
    ("UNALLOCATED_NUMBER", "sip:404", False, "user/1@d", R.UNKNOWN_USER),
    ("PROGRESS_TIMEOUT", "", False, "user/1@d", R.UNREACHABLE),
    ("NORMAL_TEMPORARY_FAILURE", "sip:503", False, "user/1@d", R.UNREACHABLE),
    ("REQUESTED_CHAN_UNAVAIL", "sip:302", False, "user/1@d", R.REDIRECTED),
    ("NORMAL_CIRCUIT_CONGESTION", "", False, "freetdm/1/a/9555", R.CONGESTION),
    ("GATEWAY_DOWN", "", False, "sofia/gateway/carrier/9555", R.CONGESTION),
    ("NORMAL_TEMPORARY_FAILURE", "sip:503", False, "sofia/gateway/carrier/9555", R.CONGESTION),
    ("RECOVERY_ON_TIMER_EXPIRE", "", False, "sofia/gateway/carrier/9555", R.CONGESTION),
    ("NO_ANSWER", "", False, "sofia/gateway/carrier/9555", R.CONGESTION),
    ("NO_ANSWER", "", True, "sofia/gateway/carrier/9555", R.NO_ANSWER),
    ("USER_BUSY", "", False, "freetdm/1/a/9555", R.BUSY),
    ("LOSE_RACE", "", True, "user/1@d", R.LOST_RACE),
    ("ORIGINATOR_CANCEL", "", True, "user/1@d", R.CANCELLED),
    ("SWITCH_LOST", "", True, "user/1@d", R.CANCELLED),
    ("WHAT_IS_THIS", "", False, "user/1@d", R.UNREACHABLE),
    ("WHAT_IS_THIS", "", True, "user/1@d", R.REJECTED),
    ("WHAT_IS_THIS", "", False, "freetdm/1/a/9555", R.CONGESTION),
]


@pytest.mark.parametrize(("cause", "sip", "rang", "contact", "result"), CAUSES)
def test_every_cause_has_its_result(cause: str, sip: str, rang: bool, contact: str, result: R) -> None:
    world = World()
    world.configure(
        [queue(refused_again_ms=0)], ["alice"], [tier("support", "alice")], alice=station("alice", contact=contact)
    )
    world.ready("alice")
    caller = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), cause, sip=sip, rang=rang)
    assert world.results() == [("alice", result)]
    stay = world.acd.caller_of(caller)
    assert stay is not None
    penalty = penalty_of(result, queue())
    assert (world.offered_to(caller) == "") == (max(penalty.delay_ms, penalty.gap_ms) > 0)
    assert world.agent("alice").missed == ({str(result): 1} if penalty.counts else {})
    assert world.ledger.agents["a-alice"].missed == world.agent("alice").missed
    world.clock.advance(max(penalty.delay_ms, penalty.gap_ms) / 1000)
    assert world.offered_to(caller) == "alice"


def test_congestion_never_punishes_an_agent() -> None:
    for result in (R.CONGESTION, R.CANCELLED, R.LOST_RACE):
        penalty = penalty_of(result, queue())
        assert penalty.delay_ms <= 1000
        assert penalty.limit == 0
        assert penalty.gap_ms == (0 if result is R.LOST_RACE else 500)


@pytest.mark.parametrize(
    ("word", "result"), [("USER_NOT_REGISTERED", R.NOT_REGISTERED), ("SUBSCRIBER_ABSENT", R.UNKNOWN_USER)]
)
def test_originate_that_fails_without_a_channel_is_an_ended_offer(world: World, word: str, result: R) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    world.job_failed(world.ringing("alice"), word)
    assert world.results() == [("alice", result)]
    assert world.offered_to(caller) == "bob"


def test_too_many_missed_calls_put_an_agent_on_break_until_he_resumes() -> None:
    world = World()
    world.configure([queue(max_no_answers=2)], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    caller = world.caller_queues()
    for _ in range(2):
        world.clock.advance(2)
        world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    assert world.agent("alice").presence is Presence.ON_BREAK
    assert world.agent("alice").reason == "no_answer"
    world.clock.advance(60)
    assert world.offered_to(caller) == ""
    world.acd.roster.resume("a-alice")
    assert world.offered_to(caller) == "alice"
    assert world.agent("alice").no_answers == 0


def test_an_answered_call_forgives_the_missed_ones(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    world.clock.advance(2)
    world.connect(caller, "alice")
    assert world.agent("alice").no_answers == 0


def test_caller_who_hangs_up_while_the_phone_rings_cancels_it_at_no_cost(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.caller_hangs_up(caller)
    assert world.switch.all(Hangup, leg) == [Hangup(leg_id=leg, cause="ORIGINATOR_CANCEL")]
    assert world.of(CallerLeft)[0].reason is LeftReason.SHORT_ABANDONED
    world.switch_obeys()
    assert world.results() == [("alice", R.CANCELLED)]
    assert world.of(OfferEnded)[0].call_id == world.of(OfferMade)[0].call_id
    assert world.of(CallEnded)[0].outcome is Outcome.ABANDONED
    assert world.agent("alice").missed == {}
    world.clock.advance(0.5)
    assert world.offered_to(world.caller_queues()) == "alice"


def test_caller_who_hangs_up_between_the_agents_answer_and_the_bridge(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_answers("alice")
    assert world.switch.last(Bridge) == Bridge(leg_id=caller, other_id=leg)
    world.caller_hangs_up(caller)
    assert world.switch.last(Hangup).leg_id == leg
    world.switch_obeys()
    assert world.results() == [("alice", R.CANCELLED)]
    assert world.agent("alice").activity is IDLE
    world.assert_at_rest()


def test_agent_who_answers_after_the_caller_has_gone_is_not_bridged(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.caller_hangs_up(caller)
    world.phone_answers("alice")
    assert world.switch.all(Bridge) == []
    world.clock.advance(3)
    assert leg not in world.registry.legs
    assert world.agent("alice").activity is IDLE
    world.assert_at_rest()


def test_nothing_is_written_between_an_agents_answer_and_the_bridge(world: World) -> None:
    """Each byte costs time while both listen to silence; what the leg needs came from the dialplan."""
    world.ready("alice")
    caller = world.caller_queues()
    before = len(world.switch.told)
    world.phone_answers("alice")
    assert [type(one) for one in world.switch.told[before:] if one.leg_id == caller] == [Bridge]


@pytest.mark.parametrize("parked_first", [True, False], ids=["park, then hang-up", "hang-up, then park"])
def test_agent_gone_during_the_bridge_leaves_the_caller_at_the_head(world: World, parked_first: bool) -> None:
    """Both orders were seen on the switch; the caller keeps his moment and is offered only once he stands parked."""
    world.ready("alice", "bob")
    first = world.caller_queues()
    joined = world.acd.caller_of(first).joined_at  # type: ignore[union-attr]
    leg = world.phone_answers("alice")
    world.acd.roster.pause("a-bob", "lunch")
    second = world.caller_queues()
    world.registry.legs[first].parked = False  # the switch has taken him out of park for the bridge
    if parked_first:
        world.parked(first)
        world.hung_up(leg)
    else:
        world.hung_up(leg)
        world.acd.roster.resume("a-bob")
        assert world.offered_to(first) == ""
        assert world.offered_to(second) == "bob"
        world.hung_up(world.phone_rings("bob"), "USER_BUSY")
        world.parked(first)
        world.clock.advance(10)
    world.acd.roster.resume("a-bob")
    assert world.offered_to(first) == "bob", "alice, who let him down, gets others first"
    assert world.acd.caller_of(first).joined_at == joined  # type: ignore[union-attr]
    assert world.results()[0] == ("alice", R.REJECTED)
    assert len(world.of(CallerReturned)) == 1
    assert isinstance(world.switch.last(Lease, first), Lease)


def test_agent_gone_within_the_shortest_talk_has_not_taken_the_call(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    joined = world.acd.caller_of(caller).joined_at  # type: ignore[union-attr]
    leg = world.connect(caller, "alice")
    world.clock.advance(0.3)
    world.agent_hangs_up(caller, leg)
    assert world.offered_to(caller) == "bob"
    assert world.acd.caller_of(caller).joined_at == joined  # type: ignore[union-attr]
    assert world.of(TalkEnded) == []
    assert len(world.of(CallerReturned)) == 1
    world.connect(caller, "bob")
    assert world.of(CallerConnected)[-1].wait_ms == 301
    assert world.ledger.calls[world.registry.legs[caller].call_id].agent_id == "a-bob"


def test_headset_that_takes_and_drops_every_call_is_not_asked_in_a_loop(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.agent_hangs_up(caller, leg)
    assert world.offered_to(caller) == ""
    world.clock.advance(30)
    assert world.offered_to(caller) == "alice"


def test_bridge_that_the_switch_refuses_costs_neither_side(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.switch.refuses[Bridge] = SwitchRefused("-ERR no such channel")
    leg = world.phone_answers("alice")
    assert world.switch.last(Hangup).leg_id == leg
    world.switch_obeys()
    assert world.results() == [("alice", R.CONGESTION)]
    del world.switch.refuses[Bridge]
    world.clock.advance(1)
    assert world.offered_to(caller) == "alice"


def test_second_bridge_event_of_the_same_legs_changes_nothing(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.bridged(caller, leg)
    world.say(ChannelBridged(leg_id=leg, at=world.clock.now(), other_id=caller))
    assert len(world.of(CallerConnected)) == 1
    assert world.agent("alice").activity is TALKING


def test_originate_of_which_the_connection_died_may_ring_all_the_same(world: World) -> None:
    """Nobody else is rung until a reconciliation, or at last the deadline, says that the phone does not ring."""
    world.ready("alice", "bob")
    world.switch.refuses[Originate] = SwitchGone("link lost")
    caller = world.caller_queues()
    world.clock.advance(7.9)
    assert world.results() == []
    assert world.offered_to(caller) == "alice"
    world.switch.refuses.clear()
    world.clock.advance(0.2)
    assert [name for name, _ in world.results()] == ["alice"]
    assert world.offered_to(caller) == "bob"


def test_bridge_that_went_down_with_the_connection_is_ordered_again(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.switch.refuses[Bridge] = SwitchGone("link lost")
    leg = world.phone_answers("alice")
    world.clock.advance(0.1)
    assert world.results() == []
    world.switch.refuses.clear()
    world.acd.offers.bridging.bridge_again(leg)
    assert world.switch.last(Bridge).other_id == leg
    world.bridged(caller, leg)
    assert world.agent("alice").activity is TALKING


def test_agents_leg_that_the_switch_forgot_is_ended_after_its_caller(world: World) -> None:
    """A caller who hangs up as he is bridged can leave the agent's leg behind: alive, silent, without an event."""
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.clock.advance(5)
    world.hung_up(caller)
    assert world.agent("alice").activity is TALKING
    world.clock.advance(3.1)
    assert world.switch.last(Hangup).leg_id == leg
    assert world.agent("alice").activity is IDLE
    assert leg not in world.registry.legs


def test_originate_that_cannot_be_sent_leaves_no_agent_stuck(world: World) -> None:
    world.ready("alice", "bob")
    world.switch.refuses[Originate] = SwitchRefused("not a contact")
    caller = world.caller_queues()
    world.clock.advance(0.5)
    assert world.results() == [("alice", R.CONGESTION), ("bob", R.CONGESTION)]
    assert [type(fact) for fact in world.facts if isinstance(fact, OfferMade | OfferEnded)] == [
        OfferMade,
        OfferEnded,
    ] * 2
    assert {world.agent(name).activity for name in ("alice", "bob")} == {IDLE}
    world.switch.refuses.clear()
    world.clock.advance(1)
    assert world.offered_to(caller) != ""


def test_a_hundred_phones_that_cannot_be_rung_do_not_pile_up_on_the_stack() -> None:
    world = World()
    names = [f"n{number}" for number in range(300)]
    world.configure([queue()], names, [tier("support", name) for name in names])
    world.ready(*names)
    world.switch.refuses[Originate] = SwitchRefused("no")
    world.caller_queues()
    assert len(world.results()) == 300


def test_offer_of_which_no_word_comes_is_given_up(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    leg = world.ringing("alice")
    world.clock.advance(4.9)
    assert world.switch.all(Hangup, leg) == []
    world.clock.advance(0.2)
    assert world.switch.last(Hangup, leg).cause == "PROGRESS_TIMEOUT"
    world.clock.advance(2.8)
    assert world.offered_to(caller) == "alice"
    world.clock.advance(0.2)
    assert world.switch.all(Hangup, leg)
    assert world.offered_to(caller) == "bob"
    assert leg not in world.registry.legs


def test_bridge_of_which_no_word_comes_is_given_up(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.phone_answers("alice")
    world.clock.advance(5)
    assert world.results() == [("alice", R.REJECTED)]
    assert world.acd.caller_of(caller) is not None


def test_switch_that_died_under_an_answered_offer_is_not_the_agents_fault(world: World) -> None:
    world.ready("alice")
    world.caller_queues()
    leg = world.phone_answers("alice")
    world.registry.lose(leg, "SWITCH_LOST")
    assert world.results() == [("alice", R.CANCELLED)]


def test_longest_wait_ends_the_stay_and_the_ringing_for_it() -> None:
    world = World()
    world.configure([queue(max_wait_ms=10_000)], ["alice"], [tier("support", "alice")])
    idle = world.caller_queues()
    world.clock.advance(5)
    world.ready("alice")
    leg = world.phone_rings("alice")
    world.clock.advance(5)
    assert world.left(idle) == [LeftReason.TIMED_OUT]
    assert world.switch.last(Hangup).leg_id == leg
    (left,) = world.of(CallerLeft)
    assert left.wait_ms == 10_000
    world.switch_obeys()
    assert world.of(OfferEnded)[0].call_id != ""
    assert world.ledger.calls[world.registry.legs[idle].call_id].offers == {}


@pytest.mark.parametrize(("longest_ms", "left_after_s"), [(20_000, 15), (6_000, 1), (2_000, 0), (0, None)])
def test_a_changed_longest_wait_holds_for_those_who_wait_already(longest_ms: int, left_after_s: int | None) -> None:
    world = World()
    world.configure([queue(max_wait_ms=10_000)], [], [])
    caller = world.caller_queues()
    world.clock.advance(5)
    world.configure([queue(max_wait_ms=longest_ms)], [], [])
    if left_after_s is None:
        world.clock.advance(3_600)
        assert world.left(caller) == []
        return
    world.clock.advance(max(0.0, left_after_s - 0.1))
    assert world.left(caller) == [] or left_after_s == 0
    world.clock.advance(0.1)
    assert world.left(caller) == [LeftReason.TIMED_OUT]


def test_longest_wait_does_not_end_while_an_agent_who_answered_is_being_joined() -> None:
    world = World()
    world.configure([queue(max_wait_ms=10_000)], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    caller = world.caller_queues()
    world.phone_rings("alice")
    world.clock.advance(9.9)
    leg = world.phone_answers("alice")
    world.clock.advance(1)
    assert world.left(caller) == []
    world.bridged(caller, leg)
    world.clock.advance(60)
    assert world.left(caller) == []
    assert world.agent("alice").activity is TALKING


def test_longest_wait_that_passed_during_a_failed_bridge_ends_the_stay_then() -> None:
    world = World()
    world.configure([queue(max_wait_ms=10_000)], ["alice"], [tier("support", "alice")])
    world.ready("alice")
    caller = world.caller_queues()
    world.phone_rings("alice")
    world.clock.advance(9.9)
    leg = world.phone_answers("alice")
    world.clock.advance(1)
    world.hung_up(leg)
    world.clock.advance(0)
    assert world.left(caller) == [LeftReason.TIMED_OUT]


def test_caller_is_answered_when_the_agent_is_where_the_route_says_so(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues(answered=False)
    assert world.switch.all(Answer) == []
    world.phone_answers("alice")
    assert {one.leg_id for one in world.switch.all(Answer)} == {caller}
    assert world.switch.all(Bridge) == [], "a bridge would end a leg that is not answered yet"
    world.say(ChannelAnswered(leg_id=caller, at=world.clock.now()))
    assert world.switch.last(Bridge).leg_id == caller


def test_leases_follow_the_call(world: World) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    assert world.guards.held() == 1
    leg = world.connect(caller, "alice")
    assert world.guards.held() == 0
    assert world.switch.last(DropLease).leg_id == caller
    assert leg not in {one.leg_id for one in world.switch.all(DropLease)}
