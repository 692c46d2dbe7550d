"""Recordings: one file a contact, masked and never paused, lost only when the switch will not."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ccd.base.errors import NotFound, Refused, SwitchGone, SwitchRefused, Unsafe
from ccd.recording.facts import (
    RecordingFailed,
    RecordingMasked,
    RecordingStarted,
    RecordingStopped,
    RecordingUnmasked,
)
from ccd.recording.masks import KeptMask
from ccd.switch.commands import MaskRecording, SetVariables, StartRecording, UnmaskRecording
from ccd.switch.events import RecordStopped
from tests.builders import NODE, World, queue, tier


@pytest.fixture
def world() -> World:
    world = World(record_at="answer")
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    return world


def call_id(world: World, leg: str) -> str:
    return world.registry.legs[leg].call_id


def stopped(world: World, leg: str, path: str, duration_ms: int = 1100) -> None:
    world.say(RecordStopped(leg_id=leg, at=world.clock.now(), path=path, duration_ms=duration_ms))


def test_recording_of_a_call_from_its_answer_to_its_end(world: World) -> None:
    leg = world.caller_arrives()
    (started,) = world.of(RecordingStarted)
    assert started.from_point == "answer"
    assert started.path == f"/var/lib/ccd/recordings/2027/01/15/{call_id(world, leg)}.wav"
    assert started.local_path == f"/srv/recordings/2027/01/15/{call_id(world, leg)}.wav"
    stereo, start = [one for one in world.switch.told if isinstance(one, SetVariables | StartRecording)]
    assert isinstance(stereo, SetVariables)
    assert (stereo.values["RECORD_STEREO"], stereo.values["RECORD_PRE_BUFFER_FRAMES"]) == ("true", "1")
    assert start == StartRecording(leg_id=leg, path=started.path)
    stopped(world, leg, started.path)
    world.hung_up(leg)
    assert [fact.duration_ms for fact in world.of(RecordingStopped)] == [1100]
    world.assert_at_rest()


def test_recording_is_started_once_however_many_points_ask(world: World) -> None:
    leg = world.caller_arrives()
    world.recordings.start(call_id=call_id(world, leg), leg_id=leg, node=NODE, point="queue")
    assert len(world.of(RecordingStarted)) == len(world.switch.all(StartRecording)) == 1


@pytest.mark.parametrize("point", ["queue", "agent"])
def test_recording_begins_where_policy_says(point: str) -> None:
    world = World(record_at=point)
    world.configure([queue()], ["alice"], [tier("support", "alice")])
    caller = world.caller_arrives()
    assert world.of(RecordingStarted) == []
    world.enter(caller)
    assert len(world.of(RecordingStarted)) == (1 if point == "queue" else 0)
    world.ready("alice")
    world.connect(caller, "alice")
    (started,) = world.of(RecordingStarted)
    assert (started.leg_id, started.from_point) == (caller, point)


@pytest.mark.parametrize(
    ("reply", "level"),
    [("-ERR Cannot record session!", "error"), ("-ERR Cannot locate session!", "info"), ("-ERR Invalid uuid", "info")],
)
def test_recording_that_the_switch_refuses_costs_the_recording_never_the_call(
    world: World, reply: str, level: str
) -> None:
    """A caller who hung up at that moment is no fault; a full disk is."""
    world.switch.refuses[StartRecording] = SwitchRefused(reply)
    with capture_logs() as logs:
        leg = world.caller_arrives()
    assert [line["log_level"] for line in logs if line["event"] == "recording_refused"] == [level]
    (failed,) = world.of(RecordingFailed)
    assert failed.reason == reply
    assert leg in world.registry.legs
    world.hung_up(leg)
    assert world.of(RecordingStopped) == []
    world.assert_at_rest()


def test_masked_parts_are_told_by_their_offsets(world: World) -> None:
    leg = world.caller_arrives()
    call = call_id(world, leg)
    world.clock.advance(2)
    world.recordings.mask(call, masked=True)
    assert world.ledger.masks_of(call) == {"agent": KeptMask(from_ms=2000, until=world.clock.now() + 120_000_000)}
    world.clock.advance(1.5)
    world.recordings.mask(call, masked=False)
    assert [fact.offset_ms for fact in world.of(RecordingMasked)] == [2000]
    assert [fact.offset_ms for fact in world.of(RecordingUnmasked)] == [3500]
    path = world.of(RecordingStarted)[0].path
    assert world.switch.all(MaskRecording) == [MaskRecording(leg_id=leg, path=path)]
    assert world.switch.all(UnmaskRecording) == [UnmaskRecording(leg_id=leg, path=path)]
    assert world.ledger.masked == {}


def test_mask_that_makes_no_sense_is_refused(world: World) -> None:
    with pytest.raises(NotFound):
        world.recordings.mask("c0", masked=True)
    call = call_id(world, world.caller_arrives())
    with pytest.raises(Refused, match="not masked"):
        world.recordings.mask(call, masked=False)
    world.recordings.mask(call, masked=True)
    with pytest.raises(Refused, match="already"):
        world.recordings.mask(call, masked=True)


def test_recording_whose_order_went_down_with_the_link_is_ordered_again(world: World) -> None:
    """FreeSWITCH takes a second order for the same file as said already."""
    world.switch.down = SwitchGone("fs1 is down")
    leg = world.caller_arrives()
    assert world.of(RecordingFailed) == []
    world.switch.down = None
    world.recordings.order_again(NODE)
    world.recordings.order_again(NODE)
    first, again = world.switch.all(StartRecording, leg)
    assert first == again
    world.hung_up(leg)
    assert len(world.of(RecordingStopped)) == 1
    world.assert_at_rest()


def test_mask_that_the_switch_did_not_take_is_not_claimed(world: World) -> None:
    call = call_id(world, world.caller_arrives())
    world.switch.down = SwitchGone("fs1 is down")
    with pytest.raises(SwitchGone):
        world.recordings.mask(call, masked=True)
    world.switch.down = None
    assert world.of(RecordingMasked) == []
    world.recordings.mask(call, masked=True)
    assert len(world.of(RecordingMasked)) == 1


def test_mask_of_a_call_that_ended_meanwhile_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    leg = world.caller_arrives()
    call = call_id(world, leg)

    def ended_meanwhile(command: object, timeout: float = 5.0) -> str:
        world.hung_up(leg)
        return "+OK"

    monkeypatch.setattr(world.switch, "ask", ended_meanwhile)
    with pytest.raises(NotFound):
        world.recordings.mask(call, masked=True)
    assert world.of(RecordingMasked) == []
    assert world.ledger.masked == {}


def test_lost_record_stop_is_made_up_for_when_the_leg_ends(world: World) -> None:
    leg = world.caller_arrives()
    world.clock.advance(7)
    world.hung_up(leg)
    assert [fact.duration_ms for fact in world.of(RecordingStopped)] == [7000]
    world.assert_at_rest()


def test_other_files_of_the_leg_are_none_of_ours(world: World) -> None:
    leg = world.caller_arrives()
    stopped(world, leg, "/tmp/other.wav")
    assert world.of(RecordingStopped) == []
    assert leg in world.recordings.running


def test_recording_goes_on_over_a_restart(world: World) -> None:
    leg = world.caller_arrives()
    (started,) = world.of(RecordingStarted)
    world.recordings.running.clear()  # a new core knows nothing yet
    world.recordings.take_up(
        call_id=started.call_id,
        leg_id=leg,
        node=NODE,
        recording_id=started.recording_id,
        relative=started.path.removeprefix("/var/lib/ccd/recordings/"),
        at=started.at,
        masks={"agent": KeptMask(from_ms=0)},
    )
    world.clock.advance(3)
    world.recordings.mask(started.call_id, masked=False)
    assert [fact.offset_ms for fact in world.of(RecordingUnmasked)] == [3000]
    stopped(world, leg, started.path)
    (ended,) = world.of(RecordingStopped)
    assert ended.recording_id == started.recording_id


def test_path_on_a_channel_cannot_leave_the_recordings(world: World) -> None:
    with pytest.raises(Unsafe):
        world.recordings.take_up(
            call_id="c", leg_id="l", node=NODE, recording_id="r", relative="../../etc/x", at=0, masks={}
        )
