"""What ccd concluded about recordings. Paths come in two: as the switch sees the file and as ccd sees it."""

from __future__ import annotations

from ccd.calls.facts import Fact


class RecordingStarted(Fact, tag="recording_started", frozen=True, kw_only=True):
    """A recording of a customer's leg was ordered."""

    recording_id: str
    call_id: str
    leg_id: str
    path: str
    local_path: str
    from_point: str


class RecordingMasked(Fact, tag="recording_masked", frozen=True, kw_only=True):
    """From here on the file holds silence."""

    recording_id: str
    call_id: str
    offset_ms: int


class RecordingUnmasked(Fact, tag="recording_unmasked", frozen=True, kw_only=True):
    """From here on the file holds sound again."""

    recording_id: str
    call_id: str
    offset_ms: int


class RecordingStopped(Fact, tag="recording_stopped", frozen=True, kw_only=True):
    """The switch closed the file."""

    recording_id: str
    call_id: str
    duration_ms: int


class RecordingFailed(Fact, tag="recording_failed", frozen=True, kw_only=True):
    """The switch would not record; the call goes on without."""

    recording_id: str
    call_id: str
    reason: str
