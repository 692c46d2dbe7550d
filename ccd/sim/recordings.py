"""Recordings on the simulated switch: the events, and files of the right length that cost little."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from ccd.base.clock import Moment
from ccd.sim.channel import Channel

if TYPE_CHECKING:
    from ccd.sim.legs import Legs

log = structlog.get_logger(__name__)

_RATE = 8000
_TONE_S = 0.1


class Recording(msgspec.Struct, kw_only=True):
    """A recording that runs; `masks` are the ranges of silence, in ms from its start."""

    path: str
    started_at: Moment
    stereo: bool
    masked_since: Moment | None = None
    masks: list[tuple[int, int]] = msgspec.field(default_factory=list)


def start(legs: Legs, c: Channel, path: str, how: str = "") -> str:
    """Begin a recording; the reply. `how`: a limit in whole seconds, and variables in braces that hold for this file."""
    if path in c.recordings:
        return "+OK Success\n"
    limit, _, braces = how.partition(" ")
    own = dict(pair.split("=", 1) for pair in braces.strip("{}").split(",") if "=" in pair)
    stereo = own["RECORD_STEREO"] == "true" if "RECORD_STEREO" in own else c.flag("RECORD_STEREO")
    recording = Recording(path=path, started_at=legs.core.clock.now(), stereo=stereo)
    if legs.write_recordings and not _write(recording, 0):
        return "-ERR Cannot record session!\n"
    c.recordings[path] = recording
    legs.core.emit("RECORD_START", c, Record_File_Path=path)
    legs.core.emit("MEDIA_BUG_START", c, Media_Bug_Function="session_record", Media_Bug_Target=path)
    if limit.isdigit() and int(limit):
        c.timers.append(legs.core.later(float(limit), lambda: _reach_limit(legs, c, recording)))
    return "+OK Success\n"


def _reach_limit(legs: Legs, c: Channel, recording: Recording) -> None:
    if c.recordings.get(recording.path) is recording:
        stop(legs, c, recording.path)


def stop(legs: Legs, c: Channel, path: str) -> str:
    """End a recording and close its file; the reply."""
    recording: Recording | None = c.recordings.pop(path, None)
    if recording is None:
        return "-ERR Cannot stop record session!\n"
    ms = max(0, (legs.core.clock.now() - recording.started_at) // 1000)
    if legs.write_recordings:
        _write(recording, ms)
    frames = ms * _RATE // 1000
    c.set("record_file_size", str(44 + frames * _frame_bytes(recording)))
    c.set("record_samples", str(frames))
    c.set("record_seconds", str(round(ms / 1000)))
    c.set("record_ms", str(ms))
    # Callers here never fall silent, so that a hang-up ends speech; of a key and of the limit FreeSWITCH says the same.
    cause = "success-maxtime" if c.is_up else "success-silence"
    c.set("record_completion_cause", cause)
    legs.core.emit("RECORD_STOP", c, Record_File_Path=path, Record_Completion_Cause=cause)
    legs.core.emit("MEDIA_BUG_STOP", c, Media_Bug_Function="session_record", Media_Bug_Target=path)
    return "+OK Success\n"


def mask(legs: Legs, c: Channel, path: str, *, on: bool) -> str:
    """Write silence, or sound again; the reply."""
    recording: Recording | None = c.recordings.get(path)
    if recording is None:
        return f"-ERR Cannot {'mask' if on else 'unmask'} recording session!\n"
    now = legs.core.clock.now()
    if on and recording.masked_since is None:
        recording.masked_since = now
    elif not on and recording.masked_since is not None:
        begin = (recording.masked_since - recording.started_at) // 1000
        recording.masks.append((begin, (now - recording.started_at) // 1000))
        recording.masked_since = None
    return "+OK Success\n"


def _frame_bytes(recording: Recording) -> int:
    return 4 if recording.stereo else 2


def _write(recording: Recording, ms: int) -> bool:
    """A WAV of `ms`: its header, a moment of tone, and a hole for the rest, which takes no room on disk."""
    width = _frame_bytes(recording)
    size = ms * _RATE // 1000 * width
    channels = width // 2
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, channels, _RATE, _RATE * width, width, 16)
    header += b"data" + struct.pack("<I", size)
    try:
        path = Path(recording.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(header)
            file.write((_tone() * channels)[:size])
            file.truncate(44 + size)
    except OSError as error:
        log.warning("simulated_recording_not_written", path=recording.path, reason=str(error))
        return False
    return True


def _tone() -> bytes:
    samples = (round(8000 * math.sin(2 * math.pi * 440 * i / _RATE)) for i in range(int(_RATE * _TONE_S)))
    return b"".join(struct.pack("<h", sample) for sample in samples)
