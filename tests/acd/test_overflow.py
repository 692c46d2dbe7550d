"""Overflow: when callers leave a queue by its rules, where they go, and what they keep on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccd.acd.callers import QueuedCaller
from ccd.acd.facts import CallerConnected, CallerLeft, CallerQueued, LeftReason, PositionAnnounced
from ccd.acd.model import Presence, Queue
from ccd.acd.overflow import MOST_HOPS
from ccd.acd.overflow_words import read
from ccd.base.clock import Moment
from tests.builders import World, queue, tier

AGENTS = ["alice", "bob", "carol"]


def a_queue(name: str, *rules: str, **settings: Any) -> Queue:
    return queue(name, overflow=tuple(read(rule) for rule in rules), **settings)


def world_of(*queues: Queue) -> World:
    """Alice serves the first queue, bob the second."""
    world = World()
    staff = [tier(one.name, agent) for one, agent in zip(queues, AGENTS, strict=False)]
    world.configure(list(queues), AGENTS[: len(staff)], staff)
    return world


def stay(world: World, caller: str) -> QueuedCaller:
    found = world.acd.caller_of(caller)
    assert found is not None
    return found


def where(world: World, caller: str) -> str:
    found = world.acd.caller_of(caller)
    return found.queue_id.removeprefix("q-") if found is not None else ""


def reasons(world: World) -> list[LeftReason]:
    return [fact.reason for fact in world.of(CallerLeft)]


# --- at the join ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "sent_to"), [("closed voicemail:night", "voicemail:night"), ("closed edge", ""), ("", "")]
)
def test_a_closed_queue_lets_nobody_in(rule: str, sent_to: str) -> None:
    world = world_of(a_queue("support", *([rule] if rule else [])))
    world.ready("alice")
    world.acd.queues["q-support"].closed = True
    caller = world.caller_queues()
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.CLOSED], sent_to)
    assert [fact.wait_ms for fact in world.of(CallerLeft)] == [0], "a visit of its own, however short"
    assert not world.offered_to(caller)


def test_a_full_queue_counts_those_who_are_rung_for_and_not_those_who_talk() -> None:
    world = world_of(a_queue("support", "full number:13800138000", max_waiting=2))
    world.ready("alice")
    talks = world.caller_queues()
    world.connect(talks, "alice")
    inside = [world.caller_queues() for _ in range(2)]
    turned_away = world.caller_queues()
    assert [where(world, one) for one in (talks, *inside, turned_away)] == ["support"] * 3 + [""]
    assert (world.left(turned_away), world.sent_to[turned_away]) == ([LeftReason.FULL], "number:13800138000")
    world.caller_hangs_up(inside[0])
    assert where(world, world.caller_queues()) == "support"


def test_who_is_just_rung_for_fills_his_place_in_a_full_queue() -> None:
    world = world_of(a_queue("support", max_waiting=2))
    world.ready("alice")
    rung, waits, turned_away = (world.caller_queues() for _ in range(3))
    assert world.offered_to(rung) == "alice"
    assert (where(world, waits), world.left(turned_away)) == ("support", [LeftReason.FULL])


def test_who_does_not_serve_a_queue_any_more_is_nobody_there() -> None:
    queues = [a_queue("support", "no_agents edge", "none_available edge")]
    world = world_of(*queues)
    world.ready("alice")
    assert where(world, world.caller_queues()) == "support"
    world.configure(queues, AGENTS[:1], [])
    assert world.left(world.caller_queues()) == [LeftReason.NO_AGENTS]


def test_the_position_is_that_which_his_priority_gives_him() -> None:
    world = world_of(a_queue("support", "position 2 flow:later"))
    first = [world.caller_queues() for _ in range(2)]
    behind, before = world.caller_queues(), world.caller_queues(priority=5)
    assert [where(world, one) for one in (*first, before)] == ["support"] * 3
    assert (world.left(behind), world.sent_to[behind]) == ([LeftReason.OVERFLOWED], "flow:later")


def test_who_is_on_break_is_signed_in_but_not_available() -> None:
    world = world_of(a_queue("support", "no_agents edge"), a_queue("sales", "none_available edge"))
    assert [world.left(world.caller_queues(one)) for one in ("support", "sales")] == [[LeftReason.NO_AGENTS]] * 2
    world.ready("alice", "bob")
    for name in ("alice", "bob"):
        world.acd.roster.pause(f"a-{name}", "lunch")
    lunch = [world.caller_queues(one) for one in ("support", "sales")]
    assert [where(world, one) for one in lunch] == ["support", ""], "nobody of sales is available: all are at lunch"
    world.acd.roster.resume("a-bob")
    world.connect(world.caller_queues("sales"), "bob")
    assert where(world, world.caller_queues("sales")) == "sales", "who talks will be free again"


def test_a_shift_that_changes_is_given_time() -> None:
    world = world_of(a_queue("support", "no_agents 30s edge"))
    world.ready("alice")
    world.acd.roster.logout("a-alice")
    world.clock.advance(20)
    stays = world.caller_queues()
    world.clock.advance(20)
    assert where(world, stays) == "support", "a rule for the join is not for those who wait"
    assert world.left(world.caller_queues()) == [LeftReason.NO_AGENTS]


def test_who_is_away_and_says_why_anew_is_no_less_away() -> None:
    """Alice changes the reason of her break time and again; nobody has been available since she went."""
    world = world_of(a_queue("support", "none_available always 30s voicemail:night"))
    world.ready("alice")
    world.acd.roster.pause("a-alice", "lunch")
    caller = world.caller_queues()
    for reason in ("training", "lunch"):
        world.clock.advance(14)
        assert where(world, caller) == "support"
        world.acd.roster.pause("a-alice", reason)
    world.clock.advance(2)
    assert world.left(caller) == [LeftReason.NO_AGENTS]
    assert world.left(world.caller_queues()) == [LeftReason.NO_AGENTS], "nor is who comes now let in"
    world.acd.roster.resume("a-alice")
    world.acd.roster.pause("a-alice", "lunch")
    assert where(world, world.caller_queues()) == "support", "she was there in between: thirty seconds more"


def test_who_signs_out_from_a_break_was_away_before() -> None:
    world = world_of(a_queue("support", "none_available 30s edge", "no_agents 30s voicemail:night"))
    world.ready("alice")
    world.acd.roster.pause("a-alice", "lunch")
    world.clock.advance(29)
    world.acd.roster.logout("a-alice")
    assert where(world, world.caller_queues()) == "support"
    world.clock.advance(1)
    caller = world.caller_queues()
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.NO_AGENTS], ""), "nobody available for 30 s"


# --- while he waits -------------------------------------------------------------------------------


def test_who_waits_leaves_when_the_last_agent_has_been_gone_for_so_long() -> None:
    world = world_of(a_queue("support", "no_agents always 30s voicemail:night"))
    world.ready("alice")
    talks, caller = world.caller_queues(), world.caller_queues()
    world.connect(talks, "alice")
    world.acd.roster.logout("a-alice")
    world.clock.advance(29)
    assert where(world, caller) == "support"
    world.ready("alice")
    world.clock.advance(60)
    assert where(world, caller) == "support", "somebody came back in time"
    world.acd.roster.logout("a-alice")
    world.clock.advance(30)
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.NO_AGENTS], "voicemail:night")
    assert where(world, talks) == "support", "who talks is not sent away"


def test_a_rule_for_those_who_wait_is_watched_beside_any_other() -> None:
    world = world_of(a_queue("support", "full edge", "no_agents always 30s voicemail:night", "key 0 edge"))
    world.ready("alice")
    world.connect(world.caller_queues(), "alice")
    caller = world.caller_queues()
    world.clock.advance(60)
    world.acd.roster.logout("a-alice")
    world.clock.advance(29)
    assert where(world, caller) == "support"
    world.clock.advance(1)
    assert world.sent_to[caller] == "voicemail:night"


def test_a_timed_overflow_keeps_place_and_priority_and_counts_its_own_wait() -> None:
    world = world_of(a_queue("support", "60s queue:sales"), a_queue("sales", "60s edge"))
    caller = world.caller_queues(priority=3)
    joined_at = stay(world, caller).joined_at
    old = stay(world, caller).entry_id
    world.clock.advance(60)
    after = stay(world, caller)
    assert (where(world, caller), after.joined_at, after.priority) == ("sales", joined_at, 3)
    first, second = world.of(CallerQueued)
    assert (second.moved_from, second.call_id, second.joined_at) == (old, first.call_id, joined_at)
    world.clock.advance(30)
    assert where(world, caller) == "sales", "the second queue's minute begins when he comes to it"
    assert world.left(caller) == [], "his flow hears nothing of it"
    world.ready("bob")
    world.connect(caller, "bob")
    assert [fact.wait_ms // 1000 for fact in world.of(CallerLeft)] == [60]
    assert [fact.wait_ms // 1000 for fact in world.of(CallerConnected)] == [30], "each visit has its own wait"


def test_who_overflows_stands_before_those_who_came_later() -> None:
    world = world_of(a_queue("support", "60s queue:sales"), a_queue("sales"))
    early = world.caller_queues("support")
    world.clock.advance(30)
    late = world.caller_queues("sales")
    world.clock.advance(31)
    world.ready("bob")
    assert (world.offered_to(early), world.offered_to(late)) == ("bob", "")


def test_the_phone_that_rings_for_him_is_told_to_stop_first() -> None:
    world = world_of(a_queue("support", "5s queue:sales"), a_queue("sales"))
    world.ready("alice", "bob")
    caller = world.caller_queues()
    rings = world.phone_rings("alice")
    world.clock.advance(5)
    assert world.offered_to(caller) == "bob"
    world.switch_obeys()
    assert rings not in world.registry.legs
    assert world.agent("alice").missed == {}, "she is not to blame"


def test_nobody_is_taken_out_while_he_is_being_joined_and_time_runs_on_if_that_fails() -> None:
    world = world_of(a_queue("support", "2s edge"))
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_answers("alice")
    world.clock.advance(2)
    assert where(world, caller) == "support"
    world.hung_up(leg)
    world.clock.advance(0.1)
    assert world.left(caller) == [LeftReason.TIMED_OUT]


def test_the_longest_wait_without_a_rule_is_the_flows() -> None:
    world = world_of(a_queue("support", "90s queue:sales", max_wait_ms=60_000), a_queue("sales"))
    caller = world.caller_queues()
    world.clock.advance(60)
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.TIMED_OUT], "")


def test_a_key_leads_out_and_any_other_does_not() -> None:
    world = world_of(a_queue("support", "key 0 flow:menu", "key 9 queue:sales"), a_queue("sales"))
    caller, other = world.caller_queues(), world.caller_queues()
    world.acd.exits.press(caller, "5")
    world.acd.exits.press(caller, "0")
    world.acd.exits.press(other, "9")
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.EXIT_KEY], "flow:menu")
    assert where(world, other) == "sales"
    world.acd.exits.press("nobody", "0")


# --- chains ---------------------------------------------------------------------------------------


def test_a_chain_ends_where_somebody_may_wait() -> None:
    world = world_of(
        a_queue("support", "full queue:sales", max_waiting=1), a_queue("sales", "closed queue:night"), a_queue("night")
    )
    world.acd.queues["q-sales"].closed = True
    world.caller_queues()
    caller = world.caller_queues()
    assert (where(world, caller), reasons(world)) == ("night", [LeftReason.FULL, LeftReason.CLOSED])
    assert len({fact.entry_id for fact in world.of(CallerQueued) if fact.leg_id == caller}) == 3


def test_a_circle_that_got_past_the_checks_ends_in_the_flow() -> None:
    world = world_of(a_queue("support", "no_agents queue:sales"), a_queue("sales", "no_agents queue:support"))
    caller = world.caller_queues()
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.NO_AGENTS], "")
    assert len(world.of(CallerLeft)) == MOST_HOPS + 1


def test_a_queue_that_is_gone_is_the_flows_own_matter() -> None:
    world = world_of(a_queue("support", "5s queue:sales"))
    caller = world.caller_queues()
    world.clock.advance(5)
    assert (world.left(caller), world.sent_to[caller]) == ([LeftReason.TIMED_OUT], "")


def test_a_queue_that_asks_for_nothing_new_leaves_everybody_where_he_is() -> None:
    world = world_of(a_queue("support"), a_queue("sales"))
    caller = world.caller_queues()
    world.clock.advance(50)
    world.configure([a_queue("support", "60s queue:sales"), a_queue("sales")], ["alice"], [tier("support", "alice")])
    assert where(world, caller) == "support"
    world.clock.advance(10)
    assert where(world, caller) == "sales", "a new rule counts from when he came"


# --- who calls again ------------------------------------------------------------------------------

NUMBER, E164 = "13800138000", "+8613800138000"


def calls_again(world: World, within_ms: int, queue_name: str = "support") -> Moment:
    """The place that the number has in a queue when it calls again, 0 for a new one."""
    return world.acd.left_places.place(E164, f"q-{queue_name}", within_ms, world.clock.now())


@pytest.fixture
def known() -> World:
    world = world_of(a_queue("support", "key 0 edge", "60s queue:sales"), a_queue("sales"))
    world.registry.e164 = lambda number: E164 if number == NUMBER else ""  # type: ignore[method-assign]
    return world


def waits(world: World) -> str:
    leg = world.caller_arrives(NUMBER)
    world.enter(leg)
    return leg


def test_who_hung_up_has_his_place_again_within_the_time(known: World) -> None:
    caller = waits(known)
    joined_at = stay(known, caller).joined_at
    known.clock.advance(40)
    known.caller_hangs_up(caller)
    known.clock.advance(30)
    assert calls_again(known, 30_000) == joined_at
    assert calls_again(known, 30_000, "sales") == 0, "he never stood there"
    assert calls_again(known, 0) == 0
    known.clock.advance(1)
    assert calls_again(known, 30_000) == 0


def test_he_has_it_in_every_queue_that_he_came_through_and_once(known: World) -> None:
    caller = waits(known)
    joined_at = stay(known, caller).joined_at
    known.clock.advance(70)
    known.caller_hangs_up(caller)
    assert [calls_again(known, 60_000, one) for one in ("support", "sales")] == [joined_at] * 2
    waits(known)
    assert calls_again(known, 60_000) == 0, "it is his, and nobody has it twice"


@pytest.mark.parametrize("how", ["key", "kicked"])
def test_who_left_otherwise_has_none(known: World, how: str) -> None:
    caller = waits(known)
    if how == "key":
        known.acd.exits.press(caller, "0")
    else:
        known.acd.remove(stay(known, caller))
    known.caller_hangs_up(caller)
    assert calls_again(known, 60_000) == 0


def test_he_stands_where_he_stood(known: World) -> None:
    first = waits(known)
    joined_at = stay(known, first).joined_at
    known.clock.advance(10)
    other = known.caller_queues()
    known.caller_hangs_up(first)
    leg = known.caller_arrives(NUMBER)
    call = known.registry.legs[leg]
    known.enter(leg, joined_at=calls_again(known, 60_000))
    assert stay(known, leg).joined_at == joined_at
    known.ready("alice")
    assert (known.offered_to(leg), known.offered_to(other)) == ("alice", "")
    assert known.ledger.calls[call.call_id].joined_at == joined_at


# --- starvation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", [1, 5])
def test_no_flood_of_priority_keeps_an_old_caller_out_where_waiting_counts(priority: int) -> None:
    """Callers of a higher priority come faster than one agent serves; the old one is served when his waiting outweighs it."""
    world = world_of(a_queue("support", ageing_ms=60_000, wrap_up_ms=0, reoffer_gap_ms=0))
    world.ready("alice")
    busy = world.caller_queues()
    leg = world.connect(busy, "alice")
    old = world.caller_queues(priority=0)
    flood = [busy]
    served_after = 0
    while where(world, old) and stay(world, old).connected_at == 0:
        flood += [world.caller_queues(priority=priority) for _ in range(2)]
        world.clock.advance(20)
        served_after += 20
        assert served_after <= 2 * priority * 60 + 60, (
            "he starves: those with a right to go first came at twice her pace"
        )
        talks = next(one for one in flood if where(world, one) and stay(world, one).connected_at)
        world.agent_hangs_up(talks, leg)
        world.clock.advance(0.1)
        rung = next(one for one in (old, *flood) if world.offered_to(one) == "alice")
        leg = world.connect(rung, "alice")
    assert served_after >= priority * 60 - 20, "the priority counted for something"


# --- places that are told -------------------------------------------------------------------------


def test_the_place_counts_those_who_are_rung_for() -> None:
    world = world_of(a_queue("support"))
    callers = [world.caller_queues() for _ in range(3)]
    world.ready("alice")
    assert world.offered_to(callers[0]) == "alice"
    assert [world.acd.exits.place_to_tell(one) for one in callers] == [None, 2, 3]


def test_what_he_was_told_is_kept_and_goes_with_him() -> None:
    world = world_of(a_queue("support", "60s queue:sales"), a_queue("sales"))
    caller = world.caller_queues()
    world.acd.exits.told_place(caller, 4)
    world.acd.exits.told_place(caller, 4)
    assert [fact.position for fact in world.of(PositionAnnounced)] == [4]
    world.clock.advance(60)
    assert stay(world, caller).announced == 4
    assert world.ledger.calls[stay(world, caller).call_id].announced == 4


# --- any day --------------------------------------------------------------------------------------

CAUSES = [
    "2s",
    "7s",
    "position 1",
    "full",
    "closed",
    "no_agents",
    "no_agents always 3s",
    "none_available always 1s",
    "key 0",
]
NAMES = ["support", "sales", "night"]
a_rule = st.builds(
    "{} {}".format, st.sampled_from(CAUSES), st.sampled_from([*(f"queue:{one}" for one in NAMES), "edge"])
)
a_step = st.tuples(
    st.sampled_from(["call", "key", "time", "login", "pause", "logout", "answer", "close", "gone"]), st.integers(0, 2)
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rules=st.lists(st.lists(a_rule, max_size=3), min_size=3, max_size=3), steps=st.lists(a_step, max_size=30))
def test_whatever_the_rules_every_visit_ends_once_and_nobody_is_lost(
    rules: list[list[str]], steps: list[tuple[str, int]]
) -> None:
    world = world_of(*(a_queue(name, *own, max_waiting=2) for name, own in zip(NAMES, rules, strict=True)))
    for step, which in steps:
        _happens(world, step, NAMES[which], AGENTS[which])
        inside = {one.entry_id for one in world.acd.callers.values()}
        begun = {fact.entry_id for fact in world.of(CallerQueued)}
        assert begun == inside | {fact.entry_id for fact in world.of(CallerLeft)}, "each is inside, or has left"
    for call in list(world.registry.calls.values()):
        world.caller_hangs_up(call.leg_id)
    world.switch_obeys()
    for leg in list(world.registry.legs):
        world.hung_up(leg)
    for name in AGENTS:
        world.acd.roster.logout(f"a-{name}")
    world.clock.advance(60)
    world.assert_at_rest()
    ended = [fact.entry_id for fact in world.of(CallerLeft)]
    connected = {fact.entry_id for fact in world.of(CallerConnected)}
    assert sorted(ended) == sorted({fact.entry_id for fact in world.of(CallerQueued)} - connected)
    assert world.clock.pending() == 0


def _happens(world: World, step: str, name: str, agent: str) -> None:
    acd, callers = world.acd, list(world.acd.callers.values())
    match step:
        case "call":
            world.caller_queues(name)
        case "key" if callers:
            acd.exits.press(callers[0].leg_id, "0")
        case "time":
            world.clock.advance({"support": 1, "sales": 3, "night": 8}[name])
        case "login":
            world.ready(agent)
        case "pause" if world.agent(agent).presence is not Presence.LOGGED_OUT:
            acd.roster.pause(f"a-{agent}", "lunch")
        case "logout":
            acd.roster.logout(f"a-{agent}")
        case "answer" if (leg := world.ringing(agent)) and not world.registry.legs[leg].answered_at:
            world.phone_answers(agent)
        case "close":
            acd.queues[f"q-{name}"].closed = not acd.queues[f"q-{name}"].closed
        case "gone" if callers:
            world.caller_hangs_up(callers[-1].leg_id)
            world.switch_obeys()
        case _:
            pass
