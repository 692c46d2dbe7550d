"""What a restarted core makes of a recording that its caller's channel still tells of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ccd.base.errors import SwitchRefused
from ccd.calls.onchannel import Place
from ccd.core.node import Node
from ccd.core.recovery import Recovery
from ccd.recording.facts import RecordingFailed, RecordingStarted
from ccd.switch.commands import StartRecording
from ccd.switch.events import RecordStopped
from ccd.switch.found import Found
from tests.builders import NODE, World
from tests.stories.verdicts import rows_are_complete


def takes_up(world: World, caller: str, *, marked: bool = True) -> None:
    """The part of a recovery that knows recordings, with what the channel carries; `marked`: it was told of the recording."""
    call = world.registry.calls[world.registry.legs[caller].call_id]
    started = world.of(RecordingStarted)[-1]
    relative = started.path.removeprefix("/var/lib/ccd/recordings/")
    carried = {"recording_id": started.recording_id, "recording_path": relative} if marked else {}
    place = Place(call_id=call.call_id, **carried)
    ours: Any = SimpleNamespace(
        _registry=world.registry,
        _ledger=world.ledger,
        _recordings=world.recordings,
        _started_at=lambda call_id, found: started.at,
    )
    node = cast(Node, SimpleNamespace(name=NODE, switch=world.switch, recordings_path="/var/lib/ccd/recordings"))
    world.recordings.running.clear()
    Recovery._take_up_recording(ours, node, cast(Found, SimpleNamespace(leg_id=caller)), place)


def test_a_recording_that_runs_is_known_again() -> None:
    world = World(record_at="answer")
    caller = world.caller_arrives()
    takes_up(world, caller)
    assert caller in world.recordings.running
    world.hung_up(caller)
    assert rows_are_complete(world.facts) == []


def test_a_recording_of_which_the_switch_was_not_told_is_begun_by_the_next_ccd() -> None:
    world = World(record_at="answer")
    caller = world.caller_arrives()
    (started,) = world.of(RecordingStarted)
    takes_up(world, caller, marked=False)
    assert world.switch.all(StartRecording) == [StartRecording(leg_id=caller, path=started.path)] * 2
    assert caller in world.recordings.running
    world.hung_up(caller)
    assert rows_are_complete(world.facts) == []


def test_a_recording_that_the_switch_refuses_to_the_next_ccd_has_failed() -> None:
    world = World(record_at="answer")
    caller = world.caller_arrives()
    world.switch.refuses[StartRecording] = SwitchRefused("-ERR Cannot record session!")
    takes_up(world, caller, marked=False)
    assert world.recordings.running == {}
    (failed,) = world.of(RecordingFailed)
    assert failed.recording_id == world.of(RecordingStarted)[0].recording_id
    world.hung_up(caller)
    assert rows_are_complete(world.facts) == []


@pytest.mark.parametrize("ended", ["failed", "stopped"])
def test_a_recording_that_was_over_stays_over_whatever_the_channel_says(ended: str) -> None:
    world = World(record_at="answer")
    if ended == "failed":
        world.switch.refuses[StartRecording] = SwitchRefused("-ERR Cannot record session!")
    caller = world.caller_arrives()
    if ended == "stopped":
        path = world.of(RecordingStarted)[-1].path
        world.say(RecordStopped(leg_id=caller, at=world.clock.now(), path=path, duration_ms=5))
    assert len(world.of(RecordingFailed)) == (ended == "failed")
    takes_up(world, caller)
    assert world.recordings.running == {}
    world.hung_up(caller)
    assert rows_are_complete(world.facts) == []
