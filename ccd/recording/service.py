"""Recordings: one stereo file a contact, on the customer's leg, from where policy says; masked, never paused.

A mask writes silence on the same time line, so that every moment of the call stays at its place in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from ccd.base import words
from ccd.base.clock import Clock, Moment, as_datetime, ms_between
from ccd.base.errors import NotFound, Refused, SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.calls.facts import LegEnded
from ccd.recording.facts import (
    RecordingFailed,
    RecordingMasked,
    RecordingStarted,
    RecordingStopped,
    RecordingUnmasked,
)
from ccd.switch.commands import MaskRecording, SetVariables, StartRecording, UnmaskRecording
from ccd.switch.events import RecordStopped
from ccd.switch.port import Switch, says_gone

log = structlog.get_logger(__name__)

POINTS = ("answer", "queue", "agent")
# FreeSWITCH 1.10 holds 25 frames back where we name no number: a mask in the first half second silences all before it, and
# a file that ends behind a conversation gets frames of uninitialised memory between its last 25. 1 is the least it takes.
FORMAT = {"RECORD_STEREO": "true", "RECORD_PRE_BUFFER_FRAMES": "1"}


@dataclass(slots=True)
class Recording:
    """One file being written. `path` is the switch's, `local_path` ours."""

    recording_id: str
    call_id: str
    leg_id: str
    node: str
    path: str
    local_path: str
    started_at: Moment
    masked: bool = False
    unheard: bool = False  # the link broke before the switch answered: it may record or not


class Recordings:
    """What is being recorded now, by leg."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Any], None],
        switch_of: Callable[[str], Switch],
        switch_root: Callable[[str], str],
        local_root: str,
    ) -> None:
        self.running: dict[str, Recording] = {}
        self._clock = clock
        self._publish = publish
        self._switch_of = switch_of
        self._switch_root = switch_root
        self._local_root = local_root

    def start(self, *, call_id: str, leg_id: str, node: str, point: str) -> None:
        """Record the customer's leg from now to its end; a leg that is recorded already stays as it is."""
        if leg_id in self.running:
            return
        now = self._clock.now()
        relative = f"{as_datetime(now):%Y/%m/%d}/{call_id}.wav"
        recording = Recording(
            recording_id=new_id(),
            call_id=call_id,
            leg_id=leg_id,
            node=node,
            path=words.below(self._switch_root(node), relative),
            local_path=f"{self._local_root.rstrip('/')}/{relative}",
            started_at=now,
        )
        self.running[leg_id] = recording
        self._publish(
            RecordingStarted(
                at=now,
                recording_id=recording.recording_id,
                call_id=call_id,
                leg_id=leg_id,
                path=recording.path,
                local_path=recording.local_path,
                from_point=point,
            )
        )
        self._order(recording)

    def order_again(self, node: str) -> None:
        """A switch is back: orders that went down with the link are given once more. A leg that is recorded stays as it is."""
        for recording in [one for one in self.running.values() if one.unheard and one.node == node]:
            recording.unheard = False
            self._order(recording)

    def _order(self, recording: Recording) -> None:
        switch = self._switch_of(recording.node)
        relative = recording.path.removeprefix(self._switch_root(recording.node)).lstrip("/")
        values = onchannel.variables(recording_id=recording.recording_id, recording_path=relative)
        switch.tell(SetVariables(leg_id=recording.leg_id, values=values | FORMAT))
        switch.tell(
            StartRecording(leg_id=recording.leg_id, path=recording.path),
            on_done=lambda error: self._ordered(recording, error),
        )

    def _ordered(self, recording: Recording, error: SwitchError | None) -> None:
        """A switch that will not record (disk full, no such folder) costs the recording, never the call."""
        if error is None or self.running.get(recording.leg_id) is not recording:
            return
        if not isinstance(error, SwitchRefused):
            recording.unheard = True
            log.warning("recording_order_lost", call_id=recording.call_id, reason=str(error))
            return
        del self.running[recording.leg_id]
        tell = log.info if says_gone(error) else log.error  # a caller who has just hung up is nobody's fault
        tell("recording_refused", call_id=recording.call_id, reason=str(error))
        self._publish(
            RecordingFailed(
                at=self._clock.now(),
                recording_id=recording.recording_id,
                call_id=recording.call_id,
                reason=str(error)[:200],
            )
        )

    def take_up(
        self, *, call_id: str, leg_id: str, node: str, recording_id: str, relative: str, at: Moment, masked: bool
    ) -> None:
        """A recovery found the leg being recorded: the file goes on, we only know of it again."""
        self.running[leg_id] = Recording(
            recording_id=recording_id,
            call_id=call_id,
            leg_id=leg_id,
            node=node,
            path=words.below(self._switch_root(node), relative),
            local_path=f"{self._local_root.rstrip('/')}/{relative}",
            started_at=at,
            masked=masked,
        )

    def mask(self, call_id: str, *, masked: bool) -> None:
        """Write silence from here, or sound again.

        Raises:
            NotFound: the call is not being recorded.
            Refused: it is masked (or not) already.
        """
        recording = next((one for one in self.running.values() if one.call_id == call_id), None)
        if recording is None:
            raise NotFound(f"call {call_id} is not being recorded")
        if recording.masked == masked:
            raise Refused(f"the recording of call {call_id} is {'masked already' if masked else 'not masked'}")
        now = self._clock.now()
        order = MaskRecording if masked else UnmaskRecording
        self._switch_of(recording.node).ask(order(leg_id=recording.leg_id, path=recording.path))
        if self.running.get(recording.leg_id) is not recording:
            raise NotFound(f"call {call_id} is not being recorded any more")
        recording.masked = masked
        fact = RecordingMasked if masked else RecordingUnmasked
        self._publish(
            fact(
                at=now,
                recording_id=recording.recording_id,
                call_id=call_id,
                offset_ms=ms_between(recording.started_at, now),
            )
        )

    def on_stopped(self, event: RecordStopped) -> None:
        """The switch closed a file; it says how long it is."""
        recording = self.running.get(event.leg_id)
        if recording is not None and recording.path == event.path:
            self._stopped(recording, event.at, event.duration_ms)

    def on_leg_ended(self, fact: LegEnded) -> None:
        """A leg is gone and no RECORD_STOP came (a lost event, a lost switch): the file's length tells the rest."""
        recording = self.running.get(fact.leg_id)
        if recording is not None:
            self._stopped(recording, fact.at, ms_between(recording.started_at, fact.at))

    def _stopped(self, recording: Recording, at: Moment, duration_ms: int) -> None:
        del self.running[recording.leg_id]
        self._publish(
            RecordingStopped(
                at=at, recording_id=recording.recording_id, call_id=recording.call_id, duration_ms=duration_ms
            )
        )
