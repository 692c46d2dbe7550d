"""Recordings: one stereo file a contact, on the customer's leg, from where policy says; masked, never paused.

A mask writes silence on the same time line, so that every moment of the call stays at its place in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.base import words
from ccd.base.clock import Clock, Moment, as_datetime, ms_between
from ccd.base.errors import NotFound, SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls import onchannel
from ccd.calls.facts import LegEnded
from ccd.recording.facts import RecordingFailed, RecordingStarted, RecordingStopped
from ccd.recording.masking import Masking
from ccd.recording.masks import KeptMasks, Recording
from ccd.switch.commands import SetVariables, StartRecording
from ccd.switch.events import RecordStopped
from ccd.switch.port import Switch, says_gone

log = structlog.get_logger(__name__)

# FreeSWITCH 1.10 holds 25 frames back where we name no number: a mask in the first half second silences all before it, and
# a file that ends behind a conversation gets frames of uninitialised memory between its last 25. 1 is the least it takes.
FORMAT = {"RECORD_STEREO": "true", "RECORD_PRE_BUFFER_FRAMES": "1"}
NOT_WRITTEN = "uri-failure"
MASK_LIMIT_MS = 120_000


class Recordings:
    """What is being recorded now, by leg. `not_now` says why nothing new may be recorded ('' when it may)."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Any], None],
        switch_of: Callable[[str], Switch],
        switch_root: Callable[[str], str],
        local_root: str,
        mask_limit_ms: int = MASK_LIMIT_MS,
    ) -> None:
        self.running: dict[str, Recording] = {}
        self._by_call: dict[str, Recording] = {}
        self.not_now = ""
        self.refused_by_switch = 0
        self._clock = clock
        self._publish = publish
        self._switch_of = switch_of
        self._switch_root = switch_root
        self._local_root = local_root
        self.masking = Masking(
            clock=clock,
            publish=publish,
            switch_of=switch_of,
            running=self.of_call,
            limit_ms=mask_limit_ms,
        )

    def of_call(self, call_id: str) -> Recording | None:
        """The recording of a call that runs."""
        recording = self._by_call.get(call_id)
        return recording if recording is not None and self.running.get(recording.leg_id) is recording else None

    def start(self, *, call_id: str, leg_id: str, node: str, point: str, keep_days: int = 0) -> None:
        """Record the customer's leg from now to its end; a leg that is recorded already stays as it is."""
        if leg_id in self.running:
            return
        now = self._clock.now()
        if self.not_now:
            self._lost(new_id(), call_id, self.not_now)
            return
        relative = f"{as_datetime(now):%Y/%m/%d}/{call_id}.wav"
        recording = self._recording(
            recording_id=new_id(), call_id=call_id, leg_id=leg_id, node=node, relative=relative, started_at=now
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
                keep_days=keep_days,
            )
        )
        self._order(recording)
        if self.running.get(leg_id) is recording:
            self.masking.begin(recording)

    def _recording(self, *, node: str, relative: str, **own: Any) -> Recording:
        path = words.below(self._switch_root(node), relative)
        recording = Recording(node=node, path=path, local_path=f"{self._local_root.rstrip('/')}/{relative}", **own)
        self._by_call[recording.call_id] = recording
        return recording

    def order_again(self, node: str) -> None:
        """A switch is back: orders that went down with the link are given once more. A leg that is recorded stays as it is."""
        for recording in [one for one in self.running.values() if one.node == node]:
            if recording.unheard:
                recording.unheard = False
                self._order(recording)
            if self.running.get(recording.leg_id) is recording:
                self.masking.order_again(recording)

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
        if self.running.get(recording.leg_id) is not recording:
            return
        if error is None:
            self.refused_by_switch = 0
            return
        if not isinstance(error, SwitchRefused):
            recording.unheard = True
            log.warning("recording_order_lost", call_id=recording.call_id, reason=str(error))
            return
        self._forget(recording)
        if says_gone(error):  # a caller who has just hung up is nobody's fault
            log.info("recording_refused", call_id=recording.call_id, reason=str(error))
        else:
            self.refused_by_switch += 1
            log.error("recording_refused", alarm="recordings_unwritable", call_id=recording.call_id, reason=str(error))
        self._lost(recording.recording_id, recording.call_id, str(error))

    def _lost(self, recording_id: str, call_id: str, reason: str) -> None:
        self._publish(
            RecordingFailed(at=self._clock.now(), recording_id=recording_id, call_id=call_id, reason=reason[:200])
        )

    def take_up(
        self,
        *,
        call_id: str,
        leg_id: str,
        node: str,
        recording_id: str,
        relative: str,
        at: Moment,
        masks: KeptMasks,
        untold: bool = False,
    ) -> None:
        """A recovery found the leg being recorded: the file goes on, we only know of it again.

        `untold`: the ccd before us died before it told the switch, which may refuse it as ever.
        """
        recording = self.running[leg_id] = self._recording(
            recording_id=recording_id, call_id=call_id, leg_id=leg_id, node=node, relative=relative, started_at=at
        )
        if untold:
            self._order(recording)
        if self.running.get(leg_id) is recording:
            self.masking.take_up(recording, masks)

    def mask(self, call_id: str, *, masked: bool) -> bool:
        """An agent's mask: write silence from here, or no longer on his behalf; tells whether the file is silent now.

        Raises:
            NotFound: the call is not being recorded.
            Refused: he has masked it (or not) already.
            SwitchError: the switch did not take it.
        """
        recording = self.of_call(call_id)
        if recording is None:
            raise NotFound(f"call {call_id} is not being recorded")
        return self.masking.ask(recording, masked=masked)

    def status(self) -> dict[str, Any]:
        """How many run, how many are silent, how many in a row the switch could not write, why nothing new may begin."""
        return {
            "running": len(self.running),
            "masked": sum(one.masked for one in self.running.values()),
            "not_written": self.refused_by_switch,
            "not_now": self.not_now,
        }

    def on_stopped(self, event: RecordStopped) -> None:
        """The switch closed a file; it says how long it is, and whether it could write it."""
        recording = self.running.get(event.leg_id)
        if recording is None or recording.path != event.path:
            return
        if event.cause == NOT_WRITTEN:
            self._forget(recording)
            log.error("recording_not_written", alarm="recordings_unwritable", call_id=recording.call_id)
            self.refused_by_switch += 1
            self._lost(recording.recording_id, recording.call_id, "the switch could not write all of it")
            return
        self._stopped(recording, event.at, event.duration_ms)

    def on_leg_ended(self, fact: LegEnded) -> None:
        """A leg is gone and no RECORD_STOP came (a lost event, a lost switch): the file's length tells the rest."""
        recording = self.running.get(fact.leg_id)
        if recording is not None:
            self._stopped(recording, fact.at, ms_between(recording.started_at, fact.at))

    def _stopped(self, recording: Recording, at: Moment, duration_ms: int) -> None:
        self._forget(recording)
        self._publish(
            RecordingStopped(
                at=at, recording_id=recording.recording_id, call_id=recording.call_id, duration_ms=duration_ms
            )
        )

    def _forget(self, recording: Recording) -> None:
        del self.running[recording.leg_id]
        if self._by_call.get(recording.call_id) is recording:
            del self._by_call[recording.call_id]
        self.masking.end(recording)
