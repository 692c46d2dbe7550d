"""What calls cost an agent who does not take them, how long phones ring, wrap-up, breaks, what comes next, and resets."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ccd.acd.cause_rules import CAUSES, CauseRule, rule_of, with_causes
from ccd.acd.facts import AgentChanged, AgentReset, BreakOverrun, LeftReason, OfferEnded, OfferMade
from ccd.acd.facts import OfferResult as R
from ccd.acd.model import Activity, Agent, BreakReason, Presence, Station
from ccd.base.errors import NotFound, Refused
from ccd.switch.commands import Hangup, Originate
from ccd.switch.events import ChannelProgressed
from tests.builders import World, agent, new_leg, queue, station, tier

LUNCH = BreakReason(break_id="b1", name="lunch", zh="午餐", limit_ms=1_800_000)
TRAINING = BreakReason(break_id="b2", name="training")
CIGARETTE = BreakReason(break_id="b3", name="cigarette", allowed=False)

# cause as the switch says it, its SIP status, whether the phone rang
HOW: dict[str, tuple[str, str, bool]] = {
    "no_answer": ("NO_ANSWER", "", True),
    "rejected": ("CALL_REJECTED", "sip:603", True),
    "busy": ("USER_BUSY", "sip:486", False),
    "redirected": ("REQUESTED_CHAN_UNAVAIL", "sip:302", False),
    "not_registered": ("USER_NOT_REGISTERED", "", False),
    "unknown_user": ("UNALLOCATED_NUMBER", "sip:404", False),
    "unreachable": ("NORMAL_TEMPORARY_FAILURE", "sip:503", False),
    "congestion": ("NORMAL_CIRCUIT_CONGESTION", "", False),
}


def opened(agents: list[Agent] | None = None, seats: list[Station] | None = None, **settings: Any) -> World:
    world = World()
    world.acd.configure((queue(refused_again_ms=0, **settings),))
    people = agents or [agent("alice")]
    world.acd.roster.configure(
        people, seats or [station(one.name) for one in people], [tier("support", p.name) for p in people]
    )
    world.ready(*(one.name for one in people))
    return world


def fails(world: World, cause: str, name: str = "alice") -> None:
    word, sip, rang = HOW[cause]
    world.hung_up(world.phone_rings(name), word, sip=sip, rang=rang)


def restarted(world: World, **settings: Any) -> World:
    """A new core with the old one's ledger, at the same moment."""
    again = World()
    again.acd.configure((queue(**settings),))
    again.acd.roster.configure([agent("alice")], [station("alice")], [tier("support", "alice")])
    again.clock.advance((world.clock.now() - again.clock.now()) / 1e6)
    again.ledger.agents.update(world.ledger.agents)
    return again


def restore(world: World, *reasons: BreakReason) -> World:
    world.acd.roster.breaks.configure(reasons, ())
    for last in list(world.ledger.agents.values()):
        world.acd.roster.restore(last)
    return world


# --- calls not taken, by cause ---------------------------------------------------------------------


@pytest.mark.parametrize("then", ["on_break", "logged_out", "nothing"])
@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_has_its_counter_delay_limit_and_status(cause: str, then: Any) -> None:
    world = opened(causes={cause: CauseRule(delay_ms=7_000, limit=2, then=then)})
    world.caller_queues()
    fails(world, cause)
    assert world.agent("alice").missed == {cause: 1}
    assert world.agent("alice").presence is Presence.AVAILABLE
    world.clock.advance(6.9)
    assert world.ringing("alice") == ""
    world.clock.advance(0.2)
    fails(world, cause)
    alice = world.agent("alice")
    expected = Presence.AVAILABLE if then == "nothing" else Presence(then)
    assert (alice.presence, alice.reason) == (expected, cause if then == "on_break" else "")
    assert world.ledger.agents["a-alice"].missed == {cause: 2}
    assert [result for _, result in world.results()] == [R(cause)] * 2


def test_causes_are_counted_apart_and_forgiven_by_a_call_a_login_and_a_resume() -> None:
    world = opened(causes={cause: CauseRule(delay_ms=0) for cause in CAUSES})
    caller = world.caller_queues()
    for cause in ("no_answer", "no_answer", "busy", "rejected"):
        fails(world, cause)
        world.clock.advance(0.5)
    assert world.agent("alice").missed == {"no_answer": 2, "busy": 1, "rejected": 1}
    assert world.agent("alice").no_answers == 2
    world.connect(caller, "alice")
    assert world.agent("alice").missed == {}
    roster = world.acd.roster
    world.agent("alice").missed = {"busy": 1}
    roster.pause("a-alice", "")
    roster.resume("a-alice")
    assert world.agent("alice").missed == {}
    world.agent("alice").missed = {"busy": 1}
    roster.logout("a-alice")
    world.ready("alice")
    assert world.agent("alice").missed == {}


def test_a_restart_keeps_what_was_missed() -> None:
    world = opened()
    world.caller_queues()
    fails(world, "no_answer")
    world.clock.advance(2)
    fails(world, "rejected")
    assert restore(restarted(world)).agent("alice").missed == {"no_answer": 1, "rejected": 1}


def test_what_a_queue_leaves_open_is_as_its_own_delays_and_the_defaults() -> None:
    settings = queue(no_answer_delay_ms=1, reject_delay_ms=2, busy_delay_ms=3, fault_delay_ms=4, max_no_answers=9)
    rules = {cause: rule_of(cause, settings) for cause in CAUSES}
    assert {cause: rule.delay_ms for cause, rule in rules.items()} == {
        "no_answer": 1, "rejected": 2, "busy": 3, "redirected": 2,
        "not_registered": 4, "unknown_user": 4, "unreachable": 4, "congestion": 1_000,
    }  # fmt: skip
    limits = {cause: (rule.limit, rule.then) for cause, rule in rules.items() if rule.limit}
    assert limits == {
        "no_answer": (9, "on_break"),
        "redirected": (3, "on_break"),
        "not_registered": (3, "on_break"),
        "unknown_user": (3, "on_break"),
    }
    assert rule_of("busy", queue(causes={"busy": CauseRule(limit=2)})).then == "on_break"


def test_causes_are_changed_one_by_one() -> None:
    before = {"busy": CauseRule(limit=2), "rejected": CauseRule(delay_ms=1)}
    changed = with_causes(before, {"causes": {"busy": None, "no_answer": {"limit": 5}}, "ring_ms": 1})
    assert changed == {"ring_ms": 1, "causes": {"rejected": {"delay_ms": 1}, "no_answer": {"limit": 5}}}
    assert with_causes(before, {"ring_ms": 1}) == {"ring_ms": 1}


# --- no loops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["pause", "logout"])
def test_changing_status_while_ringing_makes_no_loop_of_invites(verb: str) -> None:
    """mod_callcenter rang and cancelled as fast as it could (complaint 8)."""
    world = opened(reoffer_gap_ms=500, causes={"rejected": CauseRule(delay_ms=0)})
    world.caller_queues()
    roster = world.acd.roster
    for _ in range(20):
        if leg := world.ringing("alice"):
            roster.pause("a-alice", "") if verb == "pause" else roster.logout("a-alice")
            world.hung_up(leg, "CALL_REJECTED", rang=True)
        roster.resume("a-alice") if verb == "pause" else world.ready("alice")
        world.clock.advance(0.1)
    assert 1 < len(world.of(OfferMade)) <= 5


def test_a_cancelled_offer_leaves_the_phone_alone_for_a_moment_and_a_lost_race_does_not() -> None:
    world = opened([agent("alice"), agent("bob")], strategy="ring-all")
    first = world.caller_queues()
    world.phone_rings("alice")
    world.phone_rings("bob")
    world.connect(first, "alice")
    world.clock.advance(0.3)
    world.switch_obeys()
    second = world.caller_queues()
    assert world.offered_to(second) == "bob", "who lost a race is ready again at once"
    world.caller_hangs_up(second)
    world.switch_obeys()
    third = world.caller_queues()
    assert world.offered_to(third) == ""
    world.clock.advance(0.5)
    assert world.offered_to(third) == "bob"


# --- how long a phone rings ---------------------------------------------------------------------------


def test_a_phone_that_never_rings_is_unreachable_after_the_progress_time() -> None:
    world = opened(progress_ms=4_000)
    caller = world.caller_queues()
    leg = world.ringing("alice")
    world.clock.advance(3.9)
    assert world.switch.all(Hangup, leg) == []
    world.clock.advance(0.2)
    assert world.switch.last(Hangup, leg).cause == "PROGRESS_TIMEOUT"
    world.switch_obeys()
    assert world.results() == [("alice", R.UNREACHABLE)]
    assert world.acd.caller_of(caller) is not None


@pytest.mark.parametrize(("own_ms", "queue_ms", "rings_s"), [(0, 10_000, 10), (6_000, 10_000, 6), (30_000, 10_000, 10)])
def test_a_phone_rings_for_the_shorter_time_counted_from_its_first_18x(
    own_ms: int, queue_ms: int, rings_s: int
) -> None:
    world = opened([agent("alice", ring_ms=own_ms)], ring_ms=queue_ms)
    world.caller_queues()
    world.clock.advance(3)
    leg = world.phone_rings("alice")
    world.clock.advance(1)
    world.say(ChannelProgressed(leg_id=leg, at=world.clock.now()))  # 183 after 180 begins nothing anew
    world.clock.advance(rings_s - 1.1)
    assert world.switch.all(Hangup, leg) == []
    world.clock.advance(0.2)
    assert world.switch.last(Hangup, leg).cause == "NO_ANSWER"
    world.switch_obeys()
    assert world.results() == [("alice", R.NO_ANSWER)]
    assert world.switch.last(Originate, leg).timeout_s == 5 + rings_s + 1, (
        "the switch gives up later, should ccd be dead"
    )


@pytest.mark.parametrize(
    ("kind", "contact"), [("external", "sofia/gateway/carrier/139"), ("freetdm", "freetdm/1/a/139")]
)
def test_outside_telephones_have_longer_until_they_ring(kind: str, contact: str) -> None:
    seat = Station(station_id="s-alice", name="mobile", contact=contact, kind=kind)
    world = opened(seats=[seat], progress_ms=1_000, progress_outside_ms=9_000)
    world.caller_queues()
    leg = world.ringing("alice")
    world.clock.advance(8.9)
    assert world.switch.all(Hangup, leg) == []
    world.clock.advance(0.2)
    world.switch_obeys()
    assert world.results() == [("alice", R.CONGESTION)], "a trunk's fault is not the agent's"


def test_an_answer_ends_the_ring_time() -> None:
    world = opened(ring_ms=5_000)
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.clock.advance(4.9)
    world.phone_answers("alice")
    world.clock.advance(3)
    assert world.switch.all(Hangup, leg) == []
    world.bridged(caller, leg)
    assert world.agent("alice").activity is Activity.TALKING


def test_while_the_link_is_down_nobody_is_called_unreachable() -> None:
    world = opened()
    world.caller_queues()
    leg = world.ringing("alice")
    world.is_up = False
    world.clock.advance(60)
    assert world.results() == []
    world.is_up = True
    world.phone_rings("alice")  # what a reconciliation finds was missed
    world.clock.advance(19.9)
    assert world.results() == []
    world.clock.advance(0.2)
    assert world.switch.last(Hangup, leg).cause == "NO_ANSWER"


# --- wrap-up ----------------------------------------------------------------------------------------


def talk(world: World, name: str = "alice") -> None:
    caller = world.caller_queues()
    leg = world.connect(caller, name)
    world.clock.advance(30)
    world.agent_hangs_up(caller, leg)


@pytest.mark.parametrize(("own_ms", "lasts_s"), [(-1, 5), (0, 0), (2_000, 2)])
def test_an_agents_own_wrap_up_comes_before_the_queues(own_ms: int, lasts_s: int) -> None:
    world = opened([agent("alice", wrap_up_ms=own_ms)], wrap_up_ms=5_000)
    talk(world)
    assert (world.agent("alice").activity is Activity.WRAP_UP) == (lasts_s > 0)
    world.clock.advance(lasts_s)
    assert world.agent("alice").activity is Activity.IDLE


def test_wrap_up_is_extended_up_to_its_bound_and_ended() -> None:
    world = opened(wrap_up_ms=5_000, wrap_up_max_ms=60_000)
    duties = world.acd.duties
    with pytest.raises(Refused, match="not in wrap-up"):
        duties.extend_wrap_up("a-alice", 1_000)
    talk(world)
    duties.extend_wrap_up("a-alice", 30_000)
    caller = world.caller_queues()
    world.clock.advance(34.9)
    assert world.offered_to(caller) == ""
    duties.extend_wrap_up("a-alice", 600_000)
    with pytest.raises(Refused, match="longest wrap-up"):
        duties.extend_wrap_up("a-alice", 1_000)
    world.clock.advance(20)
    assert world.agent("alice").activity is Activity.WRAP_UP
    duties.end_wrap_up("a-alice")
    assert world.offered_to(caller) == "alice"
    with pytest.raises(Refused, match="not in wrap-up"):
        duties.end_wrap_up("a-alice")
    with pytest.raises(NotFound):
        duties.end_wrap_up("a-nobody")


def test_a_restart_keeps_an_extended_wrap_up_and_its_bound() -> None:
    settings = {"wrap_up_ms": 5_000, "wrap_up_max_ms": 60_000}
    world = opened(**settings)
    talk(world)
    world.acd.duties.extend_wrap_up("a-alice", 30_000)
    world.clock.advance(20)
    again = restore(restarted(world, **settings))
    again.clock.advance(14.9)
    assert again.agent("alice").activity is Activity.WRAP_UP
    again.acd.duties.extend_wrap_up("a-alice", 600_000)
    again.clock.advance(25.2)
    assert again.agent("alice").activity is Activity.IDLE


# --- breaks -----------------------------------------------------------------------------------------


def test_where_reasons_are_defined_no_others_are_taken() -> None:
    world = opened()
    roster = world.acd.roster
    roster.pause("a-alice", "whatever")
    roster.resume("a-alice")
    roster.breaks.configure([LUNCH, TRAINING, CIGARETTE], roster.agents.values())
    for reason, says in (
        ("nap", "no break reason nap; there are lunch, training"),
        ("cigarette", "break reason cigarette is not allowed"),
        ("", "say why; there are lunch, training"),
    ):
        with pytest.raises(Refused, match=says):
            roster.pause("a-alice", reason)
        assert world.agent("alice").presence is Presence.AVAILABLE
    roster.pause("a-alice", "lunch")
    assert world.agent("alice").reason == "lunch"


def test_a_break_that_lasts_too_long_is_told_once() -> None:
    world = opened()
    roster = world.acd.roster
    roster.breaks.configure([LUNCH], roster.agents.values())
    roster.pause("a-alice", "lunch")
    since = world.clock.now()
    world.clock.advance(1_799)
    assert world.of(BreakOverrun) == []
    with capture_logs() as logs:
        world.clock.advance(2)
        world.clock.advance(3_600)
    assert [(one["event"], one["log_level"]) for one in logs] == [("break_overrun", "warning")]
    (told,) = world.of(BreakOverrun)
    assert (told.reason, told.since, told.limit_ms) == ("lunch", since, 1_800_000)
    assert world.agent("alice").overrun_at == since + 1_800_000_000
    roster.resume("a-alice")
    assert world.agent("alice").overrun_at == 0
    assert world.agent("alice").break_timer is None


@pytest.mark.parametrize("overrun", [False, True])
def test_a_restart_goes_on_counting_a_break_and_tells_no_overrun_twice(overrun: bool) -> None:
    world = opened()
    world.acd.roster.breaks.configure([LUNCH], world.acd.roster.agents.values())
    world.acd.roster.pause("a-alice", "lunch")
    world.clock.advance(2_000 if overrun else 1_700)
    again = restore(restarted(world), LUNCH)
    again.clock.advance(99)
    assert again.of(BreakOverrun) == []
    again.clock.advance(2)
    assert len(again.of(BreakOverrun)) == (0 if overrun else 1)


def test_another_limit_holds_for_a_break_that_goes_on() -> None:
    world = opened()
    roster = world.acd.roster
    roster.breaks.configure([LUNCH], roster.agents.values())
    roster.pause("a-alice", "lunch")
    world.clock.advance(600)
    shorter = BreakReason(break_id="b1", name="lunch", limit_ms=300_000)
    roster.breaks.configure([shorter], roster.agents.values())
    world.clock.advance(0)
    assert len(world.of(BreakOverrun)) == 1
    roster.breaks.configure([], roster.agents.values())
    world.clock.advance(3_600)
    assert len(world.of(BreakOverrun)) == 1


# --- next status after this call ------------------------------------------------------------------------


@pytest.mark.parametrize("presence", ["on_break", "logged_out"])
def test_what_comes_next_comes_after_the_wrap_up(presence: str) -> None:
    world = opened(wrap_up_ms=5_000)
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    reason = "lunch" if presence == "on_break" else ""
    world.acd.duties.next("a-alice", presence, reason)
    waiting = world.caller_queues()
    world.clock.advance(30)
    world.agent_hangs_up(caller, leg)
    assert world.agent("alice").presence is Presence.AVAILABLE
    world.clock.advance(5)
    alice = world.agent("alice")
    assert (alice.presence, alice.reason, alice.activity) == (presence, reason, Activity.IDLE)
    assert (alice.next_presence, alice.next_reason) == ("", "")
    assert world.of(AgentChanged)[-1].cause == "next_status"
    assert world.offered_to(waiting) == ""
    assert world.acd.roster.seats.holders == ({"s-alice": "a-alice"} if presence == "on_break" else {})


@pytest.mark.parametrize("revoke", ["clear", "pause and resume"])
def test_what_comes_next_is_revoked(revoke: str) -> None:
    world = opened()
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.acd.duties.next("a-alice", "on_break", "lunch")
    if revoke == "clear":
        world.acd.duties.clear_next("a-alice")
    else:
        world.acd.roster.pause("a-alice", "x")
        world.acd.roster.resume("a-alice")
    world.clock.advance(30)
    world.agent_hangs_up(caller, leg)
    assert world.agent("alice").presence is Presence.AVAILABLE


def test_who_has_no_call_becomes_it_at_once() -> None:
    world = opened()
    world.acd.duties.next("a-alice", "on_break", "lunch")
    assert (world.agent("alice").presence, world.agent("alice").reason) == (Presence.ON_BREAK, "lunch")
    world.acd.duties.next("a-alice", "logged_out")
    with pytest.raises(Refused, match="not logged in"):
        world.acd.duties.next("a-alice", "on_break", "lunch")
    with pytest.raises(Refused, match="next is on_break or logged_out"):
        world.acd.duties.next("a-alice", "available")


def test_a_call_that_he_does_not_take_is_over_too() -> None:
    world = opened()
    world.caller_queues()
    leg = world.phone_rings("alice")
    world.acd.duties.next("a-alice", "on_break", "lunch")
    world.hung_up(leg, "CALL_REJECTED", sip="sip:603", rang=True)
    assert (world.agent("alice").presence, world.agent("alice").reason) == (Presence.ON_BREAK, "lunch")


def test_next_asks_for_a_reason_that_there_is() -> None:
    world = opened()
    world.acd.roster.breaks.configure([LUNCH], ())
    world.connect(world.caller_queues(), "alice")
    with pytest.raises(Refused, match="no break reason nap"):
        world.acd.duties.next("a-alice", "on_break", "nap")


def test_a_restart_keeps_what_comes_next() -> None:
    world = opened(wrap_up_ms=5_000)
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.acd.duties.next("a-alice", "on_break", "lunch")
    world.clock.advance(30)
    world.agent_hangs_up(caller, leg)
    again = restore(restarted(world, wrap_up_ms=5_000))
    again.clock.advance(5)
    assert (again.agent("alice").presence, again.agent("alice").reason) == (Presence.ON_BREAK, "lunch")


# --- reset ------------------------------------------------------------------------------------------


def test_a_reset_takes_back_an_offer_without_waiting_for_the_switch() -> None:
    world = opened([agent("alice"), agent("bob")])
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.acd.duties.reset("a-alice", who="root", why="stuck")
    assert world.switch.last(Hangup, leg).cause == "ORIGINATOR_CANCEL"
    assert world.results() == [("alice", R.CANCELLED)]
    assert (world.offered_to(caller), world.agent("alice").activity) == ("bob", Activity.IDLE)
    (told,) = world.of(AgentReset)
    assert (told.who, told.why, told.what) == ("root", "stuck", ("offer_withdrawn",))


def test_a_reset_ends_wrap_up_and_rest_and_forgives() -> None:
    world = opened(wrap_up_ms=50_000)
    talk(world)
    world.agent("alice").missed = {"busy": 1}
    world.acd.duties.reset("a-alice")
    caller = world.caller_queues()
    assert world.offered_to(caller) == "alice"
    fails(world, "busy")
    assert world.offered_to(caller) == ""
    world.acd.duties.reset("a-alice")
    assert world.offered_to(caller) == "alice"
    assert world.agent("alice").missed == {}


def test_a_reset_frees_who_talks_to_nobody_and_leaves_a_conversation_alone() -> None:
    world = opened()
    caller = world.caller_queues()
    leg = world.connect(caller, "alice")
    world.acd.duties.reset("a-alice")
    assert world.agent("alice").activity is Activity.TALKING
    world.acd.talks._by_leg.clear()
    world.acd.duties.reset("a-alice")
    assert world.agent("alice").activity is Activity.IDLE
    assert world.switch.all(Hangup, leg) == []


def test_a_reset_forgets_legs_that_are_gone() -> None:
    world = opened()
    ghost = new_leg()
    world.created(ghost, inbound=True, number="alice", context="ccd_agents", name="sofia/internal/alice@x")
    caller = world.caller_queues()
    assert world.offered_to(caller) == ""
    world.acd.duties.reset("a-alice", gone=(ghost,))
    assert world.offered_to(caller) == "alice"
    assert world.of(AgentReset)[0].what == ("legs_gone:1",)


def test_everybody_goes_home_and_nothing_is_left() -> None:
    world = opened(wrap_up_ms=5_000, max_wait_ms=60_000)
    world.acd.roster.breaks.configure([LUNCH], world.acd.roster.agents.values())
    caller = world.caller_queues()
    world.phone_rings("alice")
    world.acd.duties.next("a-alice", "on_break", "lunch")
    world.clock.advance(20)
    world.switch_obeys()
    assert len(world.of(OfferEnded)) == 1
    world.caller_hangs_up(caller)
    assert world.left(caller) == [] or world.left(caller) == [LeftReason.ABANDONED]
    world.acd.roster.logout("a-alice")
    world.clock.advance(60)
    world.assert_at_rest()
    assert world.agent("alice").timer is None
    assert world.agent("alice").break_timer is None
