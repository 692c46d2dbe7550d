"""A message spoken into the simulated switch: uuid_record with a limit and variables of its own, as FreeSWITCH does it."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from ccd.base.clock import FakeClock
from ccd.sim.sounds import length_s
from ccd.sim.switch import SimulatedSwitch
from tests.sim.calls import answered, living_ccd

OWN = "{RECORD_READ_ONLY=true,RECORD_STEREO=false}"


@pytest.fixture
def writing(make_switch: Callable[..., SimulatedSwitch]) -> SimulatedSwitch:
    return make_switch(recordings_write=True)


def test_a_limit_ends_it_and_the_file_is_mono_beside_a_stereo_recording(
    writing: SimulatedSwitch, clock: FakeClock, tmp_path: Path
) -> None:
    ccd = living_ccd(writing)
    leg = answered(writing, ccd, clock).uuid
    message, call = tmp_path / "voicemails" / "m.wav", tmp_path / "call.wav"
    assert ccd.api(f"uuid_setvar {leg} RECORD_STEREO true") == "+OK\n"
    assert ccd.api(f"uuid_record {leg} start {call}") == "+OK Success\n"
    assert ccd.api(f"uuid_record {leg} start {message} 3 {OWN}") == "+OK Success\n"
    ccd.pass_time(clock, 2.9)
    assert "RECORD_STOP" not in ccd.of(leg)
    ccd.pass_time(clock, 0.2)
    stop = ccd.last("RECORD_STOP", leg)
    assert (stop["Record-File-Path"], stop["Record-Completion-Cause"]) == (str(message), "success-maxtime")
    assert ccd.api(f"uuid_record {leg} unmask {message}") == "-ERR Cannot unmask recording session!\n"
    assert ccd.api(f"uuid_record {leg} unmask {call}") == "+OK Success\n"
    assert ccd.api(f"uuid_record {leg} stop {call}") == "+OK Success\n"
    for path, channels in ((message, 1), (call, 2)):
        with wave.open(str(path)) as file:
            assert (file.getnchannels(), round(file.getnframes() / file.getframerate())) == (channels, 3)


def test_who_hangs_up_while_he_speaks_ends_it_by_silence(
    writing: SimulatedSwitch, clock: FakeClock, tmp_path: Path
) -> None:
    ccd = living_ccd(writing)
    caller = answered(writing, ccd, clock)
    assert ccd.api(f"uuid_record {caller.uuid} start {tmp_path}/m.wav 60 {OWN}") == "+OK Success\n"
    ccd.pass_time(clock, 2)
    caller.hang_up()
    ccd.pass_time(clock, 0.1)
    stop = ccd.last("RECORD_STOP", caller.uuid)
    assert (stop["Record-Completion-Cause"], stop["Answer-State"]) == ("success-silence", "hangup")
    assert ccd.of(caller.uuid).index("RECORD_STOP") < ccd.of(caller.uuid).index("CHANNEL_HANGUP_COMPLETE")


def test_a_file_that_cannot_be_written_is_refused_and_the_leg_lives(
    writing: SimulatedSwitch, clock: FakeClock, tmp_path: Path
) -> None:
    ccd = living_ccd(writing)
    leg = answered(writing, ccd, clock).uuid
    (tmp_path / "voicemails").write_text("no folder")
    reply = ccd.api(f"uuid_record {leg} start {tmp_path}/voicemails/m.wav 60 {OWN}")
    assert reply == "-ERR Cannot record session!\n"
    assert ccd.api(f"uuid_exists {leg}") == "true"


def test_a_tone_ends_where_it_does_not_go_round() -> None:
    assert length_s("tone_stream://%(400,0,1000)") == 0.4
    assert length_s("tone_stream://%(400,0,1000);loops=-1") == float("inf")
