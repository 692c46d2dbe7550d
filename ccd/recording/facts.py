"""What ccd concluded about recordings. Paths come in two: as the switch sees the file and as ccd sees it."""

from __future__ import annotations

from ccd.base.clock import Moment
from ccd.calls.facts import Fact


class RecordingStarted(Fact, tag="recording_started", frozen=True, kw_only=True):
    """A recording of a customer's leg was ordered. `keep_days` is what its route says of that; 0 is nothing."""

    recording_id: str
    call_id: str
    leg_id: str
    path: str
    local_path: str
    from_point: str
    keep_days: int = 0


class RecordingMasked(Fact, tag="recording_masked", frozen=True, kw_only=True):
    """From here on there is a reason for the file to hold silence; it does while there is any.

    `reason` is agent, secret, flow, policy or consent. `until` is when a mask that has a limit ends by itself; 0 for none.
    """

    recording_id: str
    call_id: str
    offset_ms: int
    reason: str = "agent"
    until: Moment = 0


class RecordingUnmasked(Fact, tag="recording_unmasked", frozen=True, kw_only=True):
    """A reason for silence is over, which began at `from_ms`. `cause` is asked, limit, or policy; limit: it ended by itself."""

    recording_id: str
    call_id: str
    offset_ms: int
    reason: str = "agent"
    from_ms: int = -1
    cause: str = "asked"


class RecordingStopped(Fact, tag="recording_stopped", frozen=True, kw_only=True):
    """The switch closed the file."""

    recording_id: str
    call_id: str
    duration_ms: int


class RecordingFailed(Fact, tag="recording_failed", frozen=True, kw_only=True):
    """The switch would not record, could not write all of it, or was not asked to because the disk is full.

    The call goes on without.
    """

    recording_id: str
    call_id: str
    reason: str


class RecordingConsent(Fact, tag="recording_consent", frozen=True, kw_only=True):
    """What came of telling or asking a caller: announced, given (he was asked and did not object) or refused."""

    call_id: str
    consent: str


class RecordingAsked(Fact, tag="recording_asked", frozen=True, kw_only=True):
    """Somebody in charge asked for a recording from here on while nothing may be heard: it waits for the part to be over."""

    call_id: str
    from_point: str


class RecordingMaskAsked(Fact, tag="recording_mask_asked", frozen=True, kw_only=True):
    """A flow wants silence from here on, or no longer, whether or not the call is recorded yet."""

    call_id: str
    masked: bool
