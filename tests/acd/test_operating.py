"""Operating queues: closing and draining, moving callers, changing their priority, taking them out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ccd.acd.callers import Stay
from ccd.acd.facts import (
    CallerLeft,
    CallerQueued,
    LeftReason,
    OfferMade,
    OfferResult,
    PriorityChanged,
    QueueClosed,
    QueueDrained,
    QueueOpened,
)
from ccd.acd.service import Acd
from ccd.base.errors import NotFound, Refused
from ccd.core.ledger import Ledger
from ccd.switch.commands import Hangup, SetVariables
from tests.builders import World, queue, tier

WHO = "chen (uid 1000, pid 7)"


@pytest.fixture
def world() -> World:
    """Alice serves support, bob serves sales."""
    world = World()
    world.configure([queue(), queue("sales")], ["alice", "bob"], [tier("support", "alice"), tier("sales", "bob")])
    return world


def call_of(world: World, leg: str) -> str:
    return world.registry.legs[leg].call_id


def queue_of(world: World, leg: str) -> str:
    stay = world.acd.caller_of(leg)
    return stay.queue_id.removeprefix("q-") if stay else ""


def restarted(world: World) -> World:
    """A core that knows what the spool holds."""
    after = World()
    after.ledger = msgspec.convert(msgspec.to_builtins(world.ledger), Ledger)
    after.acd = Acd(after._ports(), lambda *_: None, after.ledger.remembered, closings=after.ledger.queue_closings)
    after.configure([queue(), queue("sales")], [], [])
    return after


# --- doors ------------------------------------------------------------------------------------------


def test_a_closed_queue_says_who_closed_it_and_why_and_serves_who_is_inside(world: World) -> None:
    caller = world.caller_queues()
    state = world.acd.operating.close("support", reason="fire drill", who=WHO)
    assert (state.closed, state.draining) == (True, False)
    (fact,) = world.of(QueueClosed)
    assert (fact.queue_id, fact.reason, fact.who) == ("q-support", "fire drill", WHO)
    world.ready("alice")
    assert world.offered_to(caller) == "alice"
    world.connect(caller, "alice")
    assert world.of(QueueDrained) == [], "nobody asked for that"


def test_an_opened_queue_is_open_and_opening_it_again_says_nothing(world: World) -> None:
    world.acd.operating.close("support")
    for _ in range(2):
        assert not world.acd.operating.open("support", who=WHO).closed
    assert [fact.who for fact in world.of(QueueOpened)] == [WHO]
    assert world.acd.operating.closing("q-support") is None


def test_a_draining_queue_tells_when_the_last_conversation_in_it_is_over(world: World) -> None:
    world.ready("alice")
    talks, waits = world.caller_queues(), world.caller_queues()
    leg = world.connect(talks, "alice")
    state = world.acd.operating.close("support", drain=True, who=WHO)
    world.caller_hangs_up(waits)
    assert state.draining
    assert world.of(QueueDrained) == []
    world.clock.advance(5)
    world.agent_hangs_up(talks, leg)
    assert [fact.queue_id for fact in world.of(QueueDrained)] == ["q-support"]
    assert (state.closed, state.draining) == (True, False)
    assert isinstance(world.facts[-1], QueueDrained), "behind the facts that say who left"


def test_a_queue_that_is_empty_already_is_drained_at_once_and_only_once(world: World) -> None:
    world.acd.operating.close("support", drain=True)
    world.acd.refresh_all()
    assert len(world.of(QueueDrained)) == 1


def test_closing_a_draining_queue_ends_the_waiting_for_its_emptiness(world: World) -> None:
    caller = world.caller_queues()
    world.acd.operating.close("support", drain=True)
    world.acd.operating.close("support", reason="for good")
    world.caller_hangs_up(caller)
    assert world.of(QueueDrained) == []


@pytest.mark.parametrize("drain", [True, False])
def test_a_restart_keeps_queues_closed(world: World, drain: bool) -> None:
    caller = world.caller_queues()
    world.acd.operating.close("support", drain=drain, reason="strike", who=WHO)
    world.acd.operating.close("sales")
    world.acd.operating.open("sales")
    after = restarted(world)
    states = {state.settings.name: (state.closed, state.draining) for state in after.acd.queues.values()}
    assert states == {"support": (True, drain), "sales": (False, False)}
    closing = after.acd.operating.closing("q-support")
    assert closing is not None
    assert (closing.reason, closing.who) == ("strike", WHO)
    world.caller_hangs_up(caller)
    after = restarted(world)
    assert after.acd.queues["q-support"].closed
    assert not after.acd.queues["q-support"].draining


def test_a_queue_that_ran_empty_while_ccd_was_away_is_told_drained(world: World) -> None:
    world.caller_queues()
    world.acd.operating.close("support", drain=True)
    after = restarted(world)
    after.acd.refresh_all()
    assert after.of(QueueDrained) == [], "what the switch holds is not known yet"
    after.ledger.calls.clear()  # as a reconciliation closes them
    after.acd.refresh_all()
    assert len(after.of(QueueDrained)) == 1


def test_a_reload_leaves_queues_closed(world: World) -> None:
    world.acd.operating.close("support")
    world.configure([queue(ring_ms=9_000), queue("sales")], ["alice"], [tier("support", "alice")])
    assert world.acd.queues["q-support"].closed


def test_an_unknown_queue_is_neither_closed_nor_opened(world: World) -> None:
    for verb in (world.acd.operating.close, world.acd.operating.open):
        with pytest.raises(NotFound, match="no queue nowhere"):
            verb("nowhere")


# --- moving -----------------------------------------------------------------------------------------


def test_moved_callers_keep_moment_and_priority_and_are_offered_at_once(world: World) -> None:
    world.ready("bob")
    early = world.caller_queues(priority=3)
    before = world.acd.caller_of(early)
    assert before is not None
    world.clock.advance(60)
    late = world.caller_queues("sales")
    assert world.offered_to(late) == "bob"
    world.acd.operating.move("support", "sales")
    after = world.acd.caller_of(early)
    assert after is not None
    assert (after.queue_id, after.joined_at, after.priority) == ("q-sales", before.joined_at, 3)
    assert after.entry_id != before.entry_id
    (left,) = world.of(CallerLeft)
    assert (left.reason, left.entry_id, left.queue_id) == (LeftReason.MOVED, before.entry_id, "q-support")
    joined = world.of(CallerQueued)[-1]
    assert (joined.call_id, joined.moved_from, joined.joined_at) == (left.call_id, before.entry_id, before.joined_at)
    assert joined.position == 1
    assert world.left(early) == [], "the flow hears nothing of it: he waits on"
    world.hung_up(world.phone_rings("bob"), "USER_BUSY")
    world.clock.advance(10)
    assert world.offered_to(early) == "bob", "by priority and waiting he is first there"
    told = world.switch.last(SetVariables, early).values
    assert world.ledger.calls[call_of(world, early)].entry_id == after.entry_id
    assert world.ledger.calls[call_of(world, early)].joined_at == before.joined_at
    assert told["ccd_entry_id"] == after.entry_id
    assert (told["ccd_queue_id"], told["ccd_joined_at"]) == ("q-sales", str(before.joined_at))


def test_the_phone_that_rings_for_a_moved_caller_is_withdrawn_before_another_rings(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    leg = world.phone_rings("alice")
    world.acd.operating.move("support", "sales", call_id=call_of(world, caller))
    told = [one for one in world.switch.told if isinstance(one, Hangup) or type(one).__name__ == "Originate"]
    assert [type(one).__name__ for one in told] == ["Originate", "Hangup", "Originate"]
    assert world.switch.last(Hangup).leg_id == leg
    assert world.offered_to(caller) == "bob"
    world.phone_answers("alice")
    assert world.acd.caller_of(caller).winner == "", "too late: he is withdrawn"  # type: ignore[union-attr]
    world.switch_obeys()
    assert world.results() == [("alice", OfferResult.CANCELLED)]
    world.connect(caller, "bob")
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def test_the_first_of_a_line_are_those_who_are_next(world: World) -> None:
    low, high, middle = world.caller_queues(), world.caller_queues(priority=9), world.caller_queues(priority=5)
    moved = world.acd.operating.move("support", "sales", first=2)
    assert [one.leg_id for one in moved] == [high, middle]
    assert [queue_of(world, leg) for leg in (low, middle, high)] == ["support", "sales", "sales"]


def test_all_but_those_who_are_with_an_agent_are_moved(world: World) -> None:
    world.ready("alice")
    talks, waits, other = world.caller_queues(), world.caller_queues(), world.caller_queues()
    world.connect(talks, "alice")
    assert {one.leg_id for one in world.acd.operating.move("support", "sales")} == {waits, other}
    assert queue_of(world, talks) == "support"


@pytest.mark.parametrize("stage", ["bridging", "talking"])
def test_whoever_is_with_an_agent_is_not_moved_kicked_or_reordered(world: World, stage: str) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    leg = world.phone_answers("alice")
    if stage == "talking":
        world.bridged(caller, leg)
    before, call_id = len(world.facts), call_of(world, caller)
    attempts: list[Any] = [
        lambda: world.acd.operating.move("support", "sales", call_id=call_id),
        lambda: world.acd.operating.kick(call_id),
        lambda: world.acd.operating.prioritise(call_id, 5),
    ]
    for attempt in attempts:
        with pytest.raises(Refused, match="talks to an agent" if stage == "talking" else "just being joined"):
            attempt()
    assert world.acd.operating.move("support", "sales") == []
    assert len(world.facts) == before
    if stage == "bridging":
        world.bridged(caller, leg)
    assert world.acd.caller_of(caller).stay is Stay.TALKING  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("target", "why"), [("sales", "queue sales is closed"), ("support", "are in support"), ("moon", "no queue moon")]
)
def test_a_move_that_cannot_be_is_refused_before_anything_changes(world: World, target: str, why: str) -> None:
    world.ready("alice")
    caller = world.caller_queues()
    world.acd.operating.close("sales")
    before, told = len(world.facts), len(world.switch.told)
    with pytest.raises((Refused, NotFound), match=why):
        world.acd.operating.move("support", target)
    assert (len(world.facts), len(world.switch.told)) == (before, told)
    assert world.offered_to(caller) == "alice"


def test_a_call_that_waits_elsewhere_or_nowhere_is_not_moved(world: World) -> None:
    caller, in_flow = world.caller_queues(), world.caller_arrives()
    with pytest.raises(Refused, match="does not wait in sales"):
        world.acd.operating.move("sales", "support", call_id=call_of(world, caller))
    with pytest.raises(Refused, match="does not wait in a queue"):
        world.acd.operating.move("support", "sales", call_id=call_of(world, in_flow))


def test_a_caller_on_his_way_back_from_a_failed_bridge_is_moved_and_offered_when_he_is_parked(world: World) -> None:
    world.ready("alice", "bob")
    caller = world.caller_queues()
    leg = world.phone_answers("alice")
    world.registry.legs[caller].parked = False
    world.hung_up(leg)
    assert world.acd.caller_of(caller).stay is Stay.RETURNING  # type: ignore[union-attr]
    world.acd.operating.move("support", "sales")
    assert world.offered_to(caller) == ""
    world.parked(caller)
    assert world.offered_to(caller) == "bob"


def test_a_moved_caller_has_the_whole_longest_wait_of_the_other_queue(world: World) -> None:
    world.configure([queue(max_wait_ms=25_000), queue("sales", max_wait_ms=30_000)], [], [])
    caller = world.caller_queues()
    world.clock.advance(20)
    world.acd.operating.move("support", "sales")
    world.clock.advance(29.9)
    assert world.left(caller) == []
    world.clock.advance(0.2)
    assert world.left(caller) == [LeftReason.TIMED_OUT]
    assert [fact.wait_ms for fact in world.of(CallerLeft)] == [20_001, 30_000], "each visit has its own"


def test_ring_all_stops_every_phone_of_a_moved_caller() -> None:
    world = World()
    names = ["alice", "bob", "carol"]
    world.configure([queue(strategy="ring-all"), queue("sales")], names, [tier("support", name) for name in names])
    world.ready(*names)
    caller = world.caller_queues()
    legs = {world.phone_rings(name) for name in names}
    world.acd.operating.move("support", "sales", call_id=call_of(world, caller))
    assert {order.leg_id for order in world.switch.all(Hangup)} == legs
    world.switch_obeys()
    assert world.results() == [(name, OfferResult.CANCELLED) for name in world_order(world)]
    assert all(world.agent(name).no_answers == 0 for name in names)
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def world_order(world: World) -> list[str]:
    """The agents in the order in which they were offered."""
    return [fact.agent_id.removeprefix("a-") for fact in world.of(OfferMade)]


# --- priority ---------------------------------------------------------------------------------------


def test_a_changed_priority_changes_places_at_once_and_the_next_agent_goes_by_it(world: World) -> None:
    first, second = world.caller_queues(), world.caller_queues()
    line = world.acd.queues["q-support"].line
    caller = world.acd.operating.prioritise(call_of(world, second), 7, who=WHO)
    assert line.position(caller.entry_id) == 1
    (fact,) = world.of(PriorityChanged)
    assert (fact.priority, fact.was, fact.who) == (7, 0, WHO)
    assert world.switch.last(SetVariables, second).values == {"ccd_priority": "7"}
    world.ready("alice")
    assert (world.offered_to(first), world.offered_to(second)) == ("", "alice")


def test_a_lowered_priority_lets_others_by(world: World) -> None:
    first, second = world.caller_queues(), world.caller_queues()
    world.acd.operating.prioritise(call_of(world, first), -1000)
    world.ready("alice")
    assert (world.offered_to(first), world.offered_to(second)) == ("", "alice")


def test_the_priority_given_holds_after_a_restart_and_after_a_refused_offer(world: World) -> None:
    world.ready("alice")
    rung = world.caller_queues()
    waits = world.caller_queues()
    world.acd.operating.prioritise(call_of(world, rung), 5)
    world.acd.operating.prioritise(call_of(world, waits), 2)
    assert world.ledger.calls[call_of(world, rung)].priority == 5
    world.hung_up(world.phone_rings("alice"), "NO_ANSWER", rang=True)
    world.clock.advance(3)
    assert world.offered_to(rung) == "alice", "he was first all the time"


def test_the_same_priority_again_is_no_change(world: World) -> None:
    caller = world.caller_queues(priority=4)
    world.acd.operating.prioritise(call_of(world, caller), 4)
    assert world.of(PriorityChanged) == []


@pytest.mark.parametrize("wild", [1001, -1001, 10**12])
def test_a_priority_out_of_reach_is_refused(world: World, wild: int) -> None:
    caller = world.caller_queues()
    with pytest.raises(Refused, match="from -1000 to 1000"):
        world.acd.operating.prioritise(call_of(world, caller), wild)
    assert world.acd.caller_of(caller).priority == 0  # type: ignore[union-attr]


# --- kicking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting", "offered", "returning"])
def test_whoever_no_agent_has_is_kicked(world: World, state: str) -> None:
    if state != "waiting":
        world.ready("alice")
    caller = world.caller_queues()
    if state == "offered":
        world.phone_rings("alice")
    elif state == "returning":
        leg = world.phone_answers("alice")
        world.registry.legs[caller].parked = False
        world.hung_up(leg)
    world.acd.operating.kick(call_of(world, caller))
    assert world.left(caller) == [LeftReason.KICKED]
    assert [fact.reason for fact in world.of(CallerLeft)] == [LeftReason.KICKED]
    assert world.ledger.calls[call_of(world, caller)].done == "overflowed", "a restart goes on by that edge"
    world.switch_obeys()
    world.caller_hangs_up(caller)
    world.assert_at_rest()


def test_a_kick_for_the_fallback_is_not_told_to_the_flow(world: World) -> None:
    caller = world.caller_queues()
    world.acd.operating.kick(call_of(world, caller), tell=False)
    assert world.left(caller) == []
    assert world.of(CallerLeft)[0].reason is LeftReason.KICKED
