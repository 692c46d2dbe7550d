"""Reasons for silence on a running recording: each with its own beginning and end, told only when the switch has taken it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ccd.base.errors import SwitchError, SwitchGone, SwitchRefused
from ccd.recording.facts import RecordingMasked, RecordingStarted, RecordingUnmasked
from ccd.recording.masks import REASONS, KeptMask
from ccd.side.db.stores.masked import silent_ranges
from ccd.switch.commands import Command, MaskRecording, StartRecording, UnmaskRecording
from ccd.switch.port import Outcome
from tests.builders import NODE, World, queue, tier


@pytest.fixture
def world() -> World:
    return answered_world()


def answered_world() -> World:
    world = World(record_at="answer")
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    return world


def recorded(world: World) -> str:
    return world.registry.legs[world.caller_arrives()].call_id


def orders(world: World) -> list[str]:
    kinds = {StartRecording: "start", MaskRecording: "mask", UnmaskRecording: "unmask"}
    return [kinds[type(one)] for one in world.switch.told if type(one) in kinds]


def told(world: World) -> list[tuple[str, int, int | None]]:
    """Reason, from and to of each mask, as history hears it."""
    ends = {(one.reason, one.from_ms): one.offset_ms for one in world.of(RecordingUnmasked)}
    return [(one.reason, one.offset_ms, ends.get((one.reason, one.offset_ms))) for one in world.of(RecordingMasked)]


def test_file_is_silent_while_any_reason_stands(world: World) -> None:
    call, masking = recorded(world), world.recordings.masking
    world.clock.advance(1)
    masking.hold(call, "secret")
    world.clock.advance(1)
    assert world.recordings.mask(call, masked=True)
    world.clock.advance(1)
    masking.release(call, "secret")
    assert "unmask" not in orders(world), "the agent's mask still stands"
    world.clock.advance(1)
    assert not world.recordings.mask(call, masked=False)
    assert orders(world)[-1] == "unmask"
    assert told(world) == [("secret", 1000, 3000), ("agent", 2000, 4000)]
    assert world.ledger.masked == {}


def test_secret_typed_before_the_recording_begins_masks_it_from_its_first_moment() -> None:
    world = World(record_at="queue")
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    leg = world.caller_arrives()
    call = world.registry.legs[leg].call_id
    world.recordings.masking.hold(call, "secret")
    assert orders(world) == []
    world.enter(leg)
    assert orders(world) == ["start", "mask"]
    assert told(world) == [("secret", 0, None)]
    world.caller_hangs_up(leg)
    world.assert_at_rest()


def test_agents_mask_ends_by_itself_after_its_limit(world: World) -> None:
    call = recorded(world)
    world.clock.advance(1)
    world.recordings.mask(call, masked=True)
    world.clock.advance(119.9)
    assert world.of(RecordingUnmasked) == []
    world.clock.advance(0.2)
    (ended,) = world.of(RecordingUnmasked)
    assert (ended.cause, ended.from_ms, ended.offset_ms) == ("limit", 1000, 121_000)
    assert orders(world)[-1] == "unmask"
    world.recordings.mask(call, masked=True)
    assert len(world.of(RecordingMasked)) == 2, "and he may mask it again"


def test_mask_that_was_lifted_in_time_leaves_no_timer(world: World) -> None:
    call, before = recorded(world), world.clock.pending()
    world.recordings.mask(call, masked=True)
    world.recordings.mask(call, masked=False)
    assert world.clock.pending() == before
    world.recordings.mask(call, masked=True)
    world.hung_up(world.registry.calls[call].leg_id)
    world.clock.advance(200)
    assert [one.cause for one in world.of(RecordingUnmasked)] == ["asked"]


def test_limit_goes_on_over_a_restart(world: World) -> None:
    """What is left of it counts, and a limit that ran out meanwhile ends the mask at once."""
    call = recorded(world)
    (started,) = world.of(RecordingStarted)
    for left_s in (30, -5):
        world.recordings.running.clear()
        world.facts.clear()
        world.recordings.take_up(
            call_id=call,
            leg_id=started.leg_id,
            node=NODE,
            recording_id=started.recording_id,
            relative=started.path.removeprefix("/var/lib/ccd/recordings/"),
            at=started.at,
            masks={"agent": KeptMask(from_ms=500, until=world.clock.now() + left_s * 1_000_000)},
        )
        assert orders(world)[-1] == "mask", "the switch is told again what holds"
        world.clock.advance(max(left_s, 0) + 0.01)
        (ended,) = world.of(RecordingUnmasked)
        assert (ended.cause, ended.from_ms) == ("limit", 500)


def test_secret_that_a_restart_left_masked_is_lifted_when_its_node_is_behind(world: World) -> None:
    from ccd.ivr.facts import NodeEntered

    call = recorded(world)
    world.recordings.masking.hold(call, "secret")
    world.publish(NodeEntered(at=world.clock.now(), call_id=call, flow="main", node="pin"))
    assert world.ledger.masks_of(call), "the flow begins again at this node: he types there"
    world.publish(NodeEntered(at=world.clock.now(), call_id=call, flow="main", node="after", edge="next"))
    assert world.ledger.masked == {}


def test_nothing_is_claimed_while_the_link_is_down_and_all_is_ordered_when_it_is_back(world: World) -> None:
    call, masking = recorded(world), world.recordings.masking
    world.switch.down = SwitchGone("fs1 is down")
    world.clock.advance(1)
    masking.hold(call, "policy")
    assert world.of(RecordingMasked) == []
    world.clock.advance(2)
    world.switch.down = None
    world.recordings.order_again(NODE)
    assert told(world) == [("policy", 3000, None)], "silent since the switch knows, not since we wanted it"
    world.switch.down = SwitchGone("fs1 is down")
    masking.release(call, "policy")
    assert world.of(RecordingUnmasked) == []
    world.clock.advance(4)
    world.switch.down = None
    world.recordings.order_again(NODE)
    assert told(world) == [("policy", 3000, 7000)]


def test_agents_mask_that_the_switch_did_not_take_is_not_his(world: World) -> None:
    call = recorded(world)
    world.switch.refuses[MaskRecording] = SwitchRefused("-ERR Cannot mask recording session!")
    with pytest.raises(SwitchRefused):
        world.recordings.mask(call, masked=True)
    assert not world.recordings.running[world.registry.calls[call].leg_id].masked
    del world.switch.refuses[MaskRecording]
    world.recordings.mask(call, masked=True)
    world.switch.refuses[UnmaskRecording] = SwitchRefused("-ERR Cannot unmask recording session!")
    with pytest.raises(SwitchRefused):
        world.recordings.mask(call, masked=False)
    assert world.recordings.running[world.registry.calls[call].leg_id].masked, "it is silent still, and that is said"


class SlowSwitch:
    """Takes orders in their order, and says so later."""

    node = NODE

    def __init__(self) -> None:
        self.waiting: list[tuple[Command, Outcome | None]] = []
        self.silent = False
        self.heard: list[bool] = []

    def tell(self, command: Command, on_done: Outcome | None = None) -> None:
        self.waiting.append((command, on_done))

    def take(self, error: SwitchError | None = None) -> None:
        command, on_done = self.waiting.pop(0)
        if error is None and isinstance(command, MaskRecording | UnmaskRecording):
            self.silent = isinstance(command, MaskRecording)
        if on_done is not None:
            on_done(error)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("hold"), st.sampled_from(REASONS[1:])),
            st.tuples(st.just("release"), st.sampled_from(REASONS[1:])),
            st.tuples(st.just("take"), st.just("")),
            st.tuples(st.just("lose"), st.just("")),
        ),
        max_size=30,
    )
)
@example(
    [("hold", "secret"), ("take", ""), ("release", "secret"), ("hold", "secret"), ("lose", ""), ("release", "secret")]
)
def test_however_orders_and_answers_cross_the_file_is_silent_exactly_while_a_reason_stands(
    steps: list[tuple[str, str]],
) -> None:
    world = answered_world()
    call = recorded(world)
    slow = SlowSwitch()
    world.recordings.masking._switch_of = lambda _: slow  # type: ignore[assignment,return-value]
    wanted: set[str] = set()
    for what, reason in steps:
        world.clock.advance(0.1)
        if what == "hold":
            wanted.add(reason)
            world.recordings.masking.hold(call, reason)
        elif what == "release":
            wanted.discard(reason)
            world.recordings.masking.release(call, reason)
        elif what == "take" and slow.waiting:
            slow.take()
        elif what == "lose":
            while slow.waiting:
                slow.take(SwitchGone("lost"))
            world.recordings.order_again(NODE)
    while slow.waiting:
        slow.take()
    assert slow.silent == bool(wanted)
    open_masks = {reason for reason, _, to_ms in told(world) if to_ms is None}
    assert open_masks == wanted
    assert set(world.ledger.masks_of(call)) == wanted
    assert len(told(world)) == len({one[:2] for one in told(world)}), "no range is told twice"


@pytest.mark.parametrize(
    ("masks", "ranges"),
    [
        ([], []),
        ([("agent", 0, None)], [(0, None, ["agent"])]),
        ([("agent", 1, 2), ("agent", 3, 4)], [(1, 2, ["agent"]), (3, 4, ["agent"])]),
        ([("agent", 1, 5), ("secret", 3, 8)], [(1, 8, ["agent", "secret"])]),
        ([("agent", 1, 3), ("policy", 3, 5)], [(1, 5, ["agent", "policy"])]),
        ([("policy", 2, None), ("secret", 1, 3), ("agent", 9, 10)], [(1, None, ["secret", "policy", "agent"])]),
        ([("agent", 1, 9), ("secret", 2, 3)], [(1, 9, ["agent", "secret"])]),
        ([("agent", 4, 4)], []),
    ],
)
def test_masks_that_overlap_are_one_silence(
    masks: list[tuple[str, int, int | None]], ranges: list[tuple[int, int | None, list[str]]]
) -> None:
    rows = [{"mask": reason, "from_ms": from_ms, "to_ms": to_ms} for reason, from_ms, to_ms in masks]
    for order in (rows, rows[::-1]):
        found = silent_ranges(order)
        assert [(one["from_ms"], one["to_ms"], one["reasons"]) for one in found] == ranges
