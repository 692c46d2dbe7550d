"""What the stories of strategies, races and offers leave out: small faults of the queue that no other test would notice."""

from __future__ import annotations

import pytest

from ccd.acd import resuming, strategies
from ccd.acd.agent_states import AgentState
from ccd.acd.callers import Stay
from ccd.acd.causes import result_of
from ccd.acd.facts import AgentReset, CallerLeft, CallerQueued, CallerReturned, LeftReason
from ccd.acd.facts import OfferResult as R
from ccd.acd.last_agent import bound_until
from ccd.acd.matching.matcher import Matcher
from ccd.acd.matching.model import Post, Ready, Rules, Waiting
from ccd.acd.matching.needs import Needs
from ccd.acd.matching.stages import Ask
from ccd.acd.model import Activity, Presence
from ccd.acd.remembered import next_midnight
from ccd.acd.resuming import LeftPlaces
from ccd.calls.facts import CallArrived, CallEnded, EndedBy, Outcome
from ccd.switch.commands import Answer, Hangup
from ccd.switch.events import ChannelAnswered
from tests.acd.test_strategies import SHANGHAI, Centre
from tests.builders import World, agent, queue, station, tier


def rung(strategy: str, *names: str) -> tuple[World, str]:
    """A caller, and the phones that ring for him; cat serves the queue and is not signed in."""
    world = World()
    everybody = ["ann", "ben", "cat"]
    world.configure([queue(strategy=strategy)], everybody, [tier("support", name) for name in everybody])
    world.ready(*names)
    caller = world.caller_queues(answered=False)
    for name in names:
        if world.ringing(name):
            world.phone_rings(name)
    return world, caller


def stay_of(world: World, caller: str) -> Stay:
    found = world.acd.caller_of(caller)
    assert found is not None
    return found.stay


# --- races ----------------------------------------------------------------------------------------


def test_a_caller_is_answered_as_his_agent_answers_and_not_first_when_the_agents_leg_parks() -> None:
    world, caller = rung("ring-all", "ann", "ben")
    assert world.switch.all(Answer) == []
    leg = world.ringing("ben")
    world.say(ChannelAnswered(leg_id=leg, at=world.clock.now()))
    assert [one.leg_id for one in world.switch.all(Answer)] == [caller]


def test_a_caller_who_comes_back_from_the_winner_says_whom_he_comes_back_from() -> None:
    """Ben was rung second and answered first: it is he who let the caller down, not ann."""
    world, caller = rung("ring-all", "ann", "ben")
    leg = world.phone_answers("ben")
    world.say(ChannelAnswered(leg_id=caller, at=world.clock.now()))
    world.registry.legs[caller].parked = False
    world.hung_up(leg, disposition="recv_bye")
    assert [fact.agent_id for fact in world.of(CallerReturned)] == ["a-ben"]


def test_a_telephone_that_was_told_to_stop_and_answers_all_the_same_has_nobody() -> None:
    """It crossed our word. The caller is in line again, and whoever signs in now is rung for him at once."""
    world, caller = rung("ring-all", "ann", "ben")
    first = world.phone_answers("ann")
    world.clock.advance(0.2)
    assert world.switch.last(Hangup, world.ringing("ben")).cause == "LOSE_RACE"
    world.hung_up(first, disposition="recv_bye")
    assert stay_of(world, caller) is Stay.WAITING
    world.phone_answers("ben")
    world.ready("cat")
    assert world.ringing("cat")


def test_when_the_winner_is_lost_while_others_ring_who_signs_in_is_rung_as_well() -> None:
    world, caller = rung("ring-all", "ann", "ben")
    first = world.phone_answers("ann")
    world.clock.advance(0.1)
    world.hung_up(first, disposition="recv_bye")
    assert (stay_of(world, caller), world.ringing("ben") != "") == (Stay.OFFERED, True)
    world.ready("cat")
    assert world.ringing("cat")


def test_ringing_progressively_a_refusal_has_the_next_asked_at_once() -> None:
    centre = Centre(queue(strategy="ring-progressively", ring_progressively_delay_ms=10_000))
    centre.comes()
    centre.world.clock.advance(10)
    centre.phones_ring()
    assert centre.ringing() == {"alice", "bob"}
    centre.declines("bob")
    assert centre.ringing() == {"alice", "carol"}


def test_of_an_offer_that_nothing_was_heard_of_after_the_link_was_away_the_agent_is_not_to_blame() -> None:
    world, _ = rung("longest-idle-agent")
    world.ready("ann")
    world.is_up = False
    world.clock.advance(10)
    world.is_up = True
    world.clock.advance(3)
    assert world.results() == [("ann", R.CONGESTION)]
    assert world.agent("ann").missed == {"congestion": 1}  # which is counted, and costs a second


def test_whom_a_trunk_kept_from_a_caller_has_not_declined_him() -> None:
    """The lead's line was congested: she comes before those behind her, not after them as who declined does."""
    centre = Centre(queue(strategy="top-down", reoffer_gap_ms=0))
    assert centre.comes() == "alice"
    centre.world.hung_up(centre.world.ringing("alice"), "NORMAL_CIRCUIT_CONGESTION")
    centre.phones_ring()
    assert centre.ringing() == {"bob"}
    centre.world.clock.advance(2)
    centre.declines("bob")
    assert centre.ringing() == {"alice"}


# --- causes and times -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cause", "sip", "rang", "result"),
    [
        ("USER_BUSY", "", True, R.REJECTED),
        ("USER_BUSY", "", False, R.BUSY),
        ("NO_USER_RESPONSE", "sip:480", True, R.REJECTED),
        ("NO_USER_RESPONSE", "sip:480", False, R.NOT_REGISTERED),
        ("USER_BUSY", "sip:600", True, R.REJECTED),
    ],
)
def test_who_is_busy_after_it_rang_has_refused(cause: str, sip: str, rang: bool, result: R) -> None:
    assert result_of(cause, sip, 1 if rang else 0, "user/1001@example.com") is result


def test_a_desk_that_is_reached_over_a_trunk_may_take_as_long_as_one_outside() -> None:
    world = World()
    desk = station("ann", contact="sofia/gateway/carrier/13900139000")
    world.configure([queue(progress_ms=2_000, progress_outside_ms=9_000)], ["ann"], [tier("support", "ann")], ann=desk)
    world.ready("ann")
    world.caller_queues()
    world.clock.advance(8.9)
    assert world.results() == []
    world.clock.advance(0.2)
    world.switch_obeys()
    assert world.switch.all(Hangup)


def test_the_second_day_counts_as_the_first_did() -> None:
    """Midnight begins the count anew; it does not end it."""
    centre = Centre(queue(strategy="agent-with-fewest-calls", zone=SHANGHAI))
    clock, roster = centre.world.clock, centre.world.acd.roster
    assert centre.call() == "alice"
    clock.advance((next_midnight(clock.now(), SHANGHAI) - clock.now()) / 1e6)
    for name in ("bob", "carol"):
        roster.pause(f"a-{name}", "lunch")
    assert centre.calls(2) == ["alice", "alice"]
    roster.resume("a-bob")
    assert centre.call() == "bob"
    assert centre.call() == "bob"  # alice has been idle longer, and has had two calls today


# --- the agent of the last time -------------------------------------------------------------------


def test_nobody_waits_for_an_agent_who_does_not_serve_the_queue_now() -> None:
    support = queue("support", last_agent_ms=20_000)
    ann = AgentState(agent("ann"), presence=Presence.AVAILABLE, tiers=[tier("sales", "ann")])
    assert bound_until(support, ann, 5) == 0
    ann.tiers.append(tier("support", "ann"))
    assert bound_until(support, ann, 5) == 20_000_005, "that he serves others as well does not matter"
    ann.presence = Presence.ON_BREAK
    assert bound_until(support, ann, 5) == 0


# --- the matcher ----------------------------------------------------------------------------------


def matcher_of(strategy: str = "longest-idle-agent", *queues: str) -> Matcher:
    matcher = Matcher()
    for queue_id in queues or ("q1",):
        matcher.put_queue(Rules(queue_id=queue_id, strategy=strategies.named(strategy), levels=(1,)))
    return matcher


def waiting(entry_id: str, queue_id: str = "q1", place: int = 0, **more: object) -> Waiting:
    return Waiting(entry_id=entry_id, queue_id=queue_id, place=place, joined_at=place, **more)  # type: ignore[arg-type]


def test_an_agent_who_is_ready_for_less_than_before_is_offered_no_more_than_that() -> None:
    matcher = matcher_of("longest-idle-agent", "q1", "q2")
    both = (Post(queue_id="q1"), Post(queue_id="q2"))
    english = Needs(required=(("english", 3),))
    matcher.put_caller(waiting("c1"))
    matcher.put_caller(waiting("c2", "q2", 1, needs=english))
    matcher.put_agent(Ready(agent_id="a", posts=both, skills={"english": 3}))
    assert (list(matcher.for_caller("c1")), list(matcher.for_caller("c2"))) == (["a"], ["a"])
    matcher.put_agent(Ready(agent_id="a", posts=both[1:], skills={"english": 2}))
    assert (list(matcher.for_caller("c1")), list(matcher.for_caller("c2"))) == ([], [])
    assert matcher.for_agent("a") == ""


def test_of_two_who_wait_for_the_same_agent_the_second_is_not_forgotten_with_the_first() -> None:
    matcher = matcher_of()
    matcher.put_agent(Ready(agent_id="a", posts=(Post(queue_id="q1"),)))
    matcher.put_caller(waiting("c1", bound_to="a"))
    matcher.put_caller(waiting("c2", place=1, bound_to="a"))
    matcher.drop_caller("c1")
    assert matcher.for_agent("a") == "c2"
    assert matcher.first_who_may_be_served() == "c2"


@pytest.mark.parametrize("strategy", ["random", "weighted-random"])
def test_when_the_one_who_is_drawn_has_refused_the_caller_another_is_asked(strategy: str) -> None:
    matcher = matcher_of(strategy)
    for agent_id in ("a", "b", "c"):
        matcher.put_agent(Ready(agent_id=agent_id, posts=(Post(queue_id="q1"),)))
    matcher.put_caller(waiting("c1", refused=frozenset({"a", "b"})))
    assert [list(matcher.for_caller("c1")) for _ in range(50)] == [["c"]] * 50


@pytest.mark.parametrize(("before", "after"), [("round-robin", "ring-all"), ("ring-all", "round-robin")])
def test_another_strategy_holds_for_the_next_caller(before: str, after: str) -> None:
    centre = Centre(queue(strategy=before))
    centre.settings = queue(strategy=after)
    centre.world.acd.configure((centre.settings,))
    centre.comes()
    assert len(centre.ringing()) == (3 if after == "ring-all" else 1)


# --- skills ---------------------------------------------------------------------------------------


def test_who_has_just_the_level_that_is_preferred_is_preferred() -> None:
    asks = (Ask(preferred=(("english", 3),)),)
    centre = Centre(queue(asks=asks), skills={"alice": {"english": 2}, "bob": {"english": 3}})
    assert centre.comes() == "bob"


def test_a_skill_that_he_does_not_have_counts_nothing_for_the_best_match() -> None:
    asks = (Ask(required=(("english", 1),), preferred=(("loans", 2),)),)
    skills = {"alice": {"english": 2, "loans": 1}, "bob": {"english": 3}}
    tiers = [tier("support", name) for name in skills]
    assert Centre(queue(strategy="skills-best-match", asks=asks), tiers, skills).comes() == "alice"  # idle longest


# --- what comes next ------------------------------------------------------------------------------


def test_what_comes_next_is_known_to_a_core_that_is_started_right_after_it_was_said() -> None:
    world, caller = rung("longest-idle-agent", "ann")
    world.say(ChannelAnswered(leg_id=caller, at=world.clock.now()))
    world.connect(caller, "ann")
    world.acd.duties.next("a-ann", "on_break", "lunch")
    kept = world.ledger.agents["a-ann"]
    assert (kept.next_presence, kept.next_reason) == ("on_break", "lunch")
    world.acd.duties.clear_next("a-ann")
    assert world.ledger.agents["a-ann"].next_presence == ""


def test_a_reset_says_what_it_found_and_frees_who_is_offered_nothing() -> None:
    world, _ = rung("longest-idle-agent", "ann")
    world.acd.offers.out.clear()
    world.acd.offers._by_leg.clear()
    world.agent("ann").missed = {"busy": 1}
    world.acd.duties.reset("a-ann")
    (told,) = world.of(AgentReset)
    assert told.what == ("offer_forgotten", "counters_cleared")
    assert world.agent("ann").activity is Activity.IDLE


# --- wrap-up --------------------------------------------------------------------------------------


def two_agents_who_wrap_up(wrap_up_ms: int) -> World:
    world = World()
    world.configure([queue(wrap_up_ms=wrap_up_ms)], ["ann", "ben"], [tier("support", "ann"), tier("support", "ben")])
    world.ready("ann", "ben")
    return world


def talks(world: World, name: str, seconds: float) -> None:
    caller = world.caller_queues()
    leg = world.connect(caller, name)
    world.clock.advance(seconds)
    world.agent_hangs_up(caller, leg)
    world.caller_hangs_up(caller)


def test_a_wrap_up_that_was_ended_by_hand_does_not_end_the_next_one() -> None:
    world = two_agents_who_wrap_up(30_000)
    world.acd.roster.pause("a-ben", "lunch")
    talks(world, "ann", 10)
    world.clock.advance(5)
    world.acd.duties.end_wrap_up("a-ann")
    talks(world, "ann", 10)
    world.clock.advance(29)
    assert world.agent("ann").activity is Activity.WRAP_UP
    world.clock.advance(1)
    assert world.agent("ann").activity is Activity.IDLE


def test_who_wraps_up_longer_has_been_idle_for_less_long() -> None:
    world = two_agents_who_wrap_up(10_000)
    talks(world, "ann", 10)
    world.acd.duties.extend_wrap_up("a-ann", 50_000)
    talks(world, "ben", 10)
    world.clock.advance(70)
    assert world.offered_to(world.caller_queues()) == "ben"


# --- who calls again ------------------------------------------------------------------------------


def gives_up(places: LeftPlaces, number: str, at: int) -> None:
    """Somebody calls, waits for a second, and hangs up."""
    call = f"call of {number}"
    arrived = {"call_id": call, "leg_id": "leg", "node": "fs1", "caller_number": number, "caller_name": ""}
    places.apply(CallArrived(at=at, dialled="4008", caller_e164=number, **arrived))
    places.apply(CallerQueued(at=at, entry_id=number, call_id=call, leg_id="leg", queue_id="q-support"))
    places.apply(
        CallerLeft(
            at=at + 1_000_000,
            entry_id=number,
            call_id=call,
            queue_id="q-support",
            reason=LeftReason.ABANDONED,
            wait_ms=1_000,
        )
    )
    ended = {"outcome": Outcome.ABANDONED, "cause": "NORMAL_CLEARING", "ended_by": EndedBy.CALLER, "duration_ms": 1_000}
    places.apply(CallEnded(at=at + 1_000_000, call_id=call, leg_id="leg", **ended))  # type: ignore[arg-type]


def test_places_of_who_hung_up_are_kept_for_a_day_and_of_so_many_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "MOST_NUMBERS", 3)
    places = LeftPlaces()
    for second in range(5):
        gives_up(places, f"+86{second}", second * 1_000_000)
    assert list(places.places) == ["+862", "+863", "+864"]
    gives_up(places, "+865", resuming.KEPT_US + 3_500_000)
    assert list(places.places) == ["+864", "+865"]
    assert places.open == {}, "nothing is kept of calls that are over"
