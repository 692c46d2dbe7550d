"""Masks on running recordings: reasons come and go, the switch is told when the first comes and the last goes.

History is told what the switch has taken, not what was wanted: a range in it is silence in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from ccd.base.clock import Clock, ms_between
from ccd.base.errors import NotFound, Refused, SwitchError
from ccd.recording.facts import RecordingMasked, RecordingUnmasked
from ccd.recording.masks import AGENT, SECRET, Ended, KeptMasks, Mask, Recording
from ccd.switch.commands import MaskRecording, UnmaskRecording
from ccd.switch.port import Switch, says_gone

log = structlog.get_logger(__name__)


class Masking:
    """Holds recordings silent. `running` finds the recording of a call; an agent's mask ends after `limit_ms` (0 never)."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Any], None],
        switch_of: Callable[[str], Switch],
        running: Callable[[str], Recording | None],
        limit_ms: int,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._switch_of = switch_of
        self._running = running
        self._limit_ms = limit_ms
        self._held: dict[str, set[str]] = {}

    # --- reasons of a call ------------------------------------------------------------------------

    def hold(self, call_id: str, reason: str) -> None:
        """Nothing is to be heard from now on for this reason; a call that is not recorded yet keeps it for its recording."""
        held = self._held.setdefault(call_id, set())
        if reason in held:
            return
        held.add(reason)
        if recording := self._running(call_id):
            self._raise(recording, reason)

    def release(self, call_id: str, reason: str, cause: str = "asked") -> None:
        """The reason no longer stands; sound is heard again when no other does."""
        held = self._held.get(call_id, set())
        held.discard(reason)
        if not held:
            self._held.pop(call_id, None)
        recording = self._running(call_id)
        if recording is not None and reason in recording.masks:
            self._lift(recording, reason, cause)

    def holds(self, call_id: str, reason: str) -> bool:
        """Whether this reason stands."""
        return reason in self._held.get(call_id, ())

    def forget(self, call_id: str) -> None:
        """The call is over."""
        self._held.pop(call_id, None)

    def left_node(self, call_id: str) -> None:
        """The flow went on: what a node before a restart masked for its secret keys is over."""
        self.release(call_id, SECRET)

    # --- the life of a recording -------------------------------------------------------------------

    def begin(self, recording: Recording) -> None:
        """A recording starts: what is held already masks it from its first moment."""
        for reason in sorted(self._held.get(recording.call_id, ())):
            self._raise(recording, reason)

    def take_up(self, recording: Recording, masks: KeptMasks) -> None:
        """A recovery found it running; the switch is told again what holds, for the last order may have gone down."""
        for reason, kept in masks.items():
            began = recording.started_at + kept.from_ms * 1000
            mask = Mask(reason, began, kept.from_ms, until=kept.until, told=True)
            recording.masks[reason] = mask
            if reason == AGENT:
                self._time(recording, mask)
            else:
                self._held.setdefault(recording.call_id, set()).add(reason)
        recording.unsure = True
        self.order_again(recording)

    def order_again(self, recording: Recording) -> None:
        """Tell the switch what should be, where it may have missed it."""
        untold = [mask for mask in recording.masks.values() if not mask.told]
        recording.ending = [mask for mask in recording.ending if mask.told]  # of the others the switch has never heard
        unsure, recording.unsure = recording.unsure, False
        if untold or (recording.masks and (unsure or recording.ending)):
            for mask in untold:
                mask.at, mask.from_ms = self._now(recording)
            self._tell_masked(recording, untold)
        elif unsure or recording.ending:
            for mask in recording.ending:
                mask.ended = self._end(recording, mask.ended.cause if mask.ended else "asked")
            self._tell_unmasked(recording, list(recording.ending))

    def end(self, recording: Recording) -> None:
        """The file is closed: what is masked stays masked to its end."""
        for mask in recording.masks.values():
            mask.cancel()

    # --- an agent's mask --------------------------------------------------------------------------

    def ask(self, recording: Recording, *, masked: bool) -> bool:
        """Mask or unmask on an agent's behalf and wait for the switch; tells whether the file is silent now.

        Raises:
            NotFound, Refused, SwitchError: as `Recordings.mask` says.
        """
        if masked == (AGENT in recording.masks):
            raise Refused(
                f"the recording of call {recording.call_id} is {'masked already' if masked else 'not masked'}"
            )
        if masked:
            self._ask_mask(recording)
        else:
            self._ask_unmask(recording)
        if self._running(recording.call_id) is not recording:
            raise NotFound(f"call {recording.call_id} is not being recorded any more")
        return recording.masked

    def _ask_mask(self, recording: Recording) -> None:
        until = self._clock.now() + self._limit_ms * 1000 if self._limit_ms else 0
        mask = self._new(recording, AGENT, until=until)
        try:
            self._switch(recording).ask(MaskRecording(leg_id=recording.leg_id, path=recording.path))
        except SwitchError:
            if recording.masks.get(AGENT) is mask:
                del recording.masks[AGENT]
            if not recording.masks:  # it may have heard us after all
                recording.unsure = True
                self._tell_unmasked(recording, [])
            raise
        if self._running(recording.call_id) is recording:
            self._taken(recording, mask)
            self._time(recording, mask)

    def _ask_unmask(self, recording: Recording) -> None:
        mask = recording.masks.pop(AGENT)
        ended = self._end(recording, "asked")
        if not recording.masks:
            try:
                self._switch(recording).ask(UnmaskRecording(leg_id=recording.leg_id, path=recording.path))
            except SwitchError:
                recording.masks[AGENT] = mask
                recording.unsure = True
                raise
        mask.cancel()
        mask.ended = ended
        if self._running(recording.call_id) is recording:
            self._tell_ended(recording, mask)

    def _time(self, recording: Recording, mask: Mask) -> None:
        if mask.until:
            left_s = max(mask.until - self._clock.now(), 0) / 1e6
            mask.timer = self._clock.call_later(left_s, lambda: self._too_long(recording, mask))

    def _too_long(self, recording: Recording, mask: Mask) -> None:
        mask.timer = None
        if recording.masks.get(mask.reason) is mask:
            log.info("mask_ended_by_its_limit", call_id=recording.call_id)
            self._lift(recording, mask.reason, "limit")

    # --- telling the switch, and history ----------------------------------------------------------

    def _raise(self, recording: Recording, reason: str) -> None:
        if reason not in recording.masks:
            self._tell_masked(recording, [self._new(recording, reason)])

    def _new(self, recording: Recording, reason: str, until: int = 0) -> Mask:
        at, from_ms = self._now(recording)
        mask = recording.masks[reason] = Mask(reason, at, from_ms, until=until)
        return mask

    def _lift(self, recording: Recording, reason: str, cause: str) -> None:
        mask = recording.masks.pop(reason)
        mask.cancel()
        mask.ended = self._end(recording, cause)
        if not recording.masks:
            recording.ending.append(mask)
            self._tell_unmasked(recording, [mask])
        elif mask.told:
            self._tell_ended(recording, mask)

    def _tell_masked(self, recording: Recording, masks: list[Mask]) -> None:
        def done(error: SwitchError | None) -> None:
            if self._failed(recording, error) or self._running(recording.call_id) is not recording:
                return
            self._end_all(recording)  # before a new one of the same reason begins
            for mask in masks:
                self._taken(recording, mask)

        order = MaskRecording(leg_id=recording.leg_id, path=recording.path)
        self._switch(recording).tell(order, on_done=done)

    def _tell_unmasked(self, recording: Recording, masks: list[Mask]) -> None:
        order = UnmaskRecording(leg_id=recording.leg_id, path=recording.path)

        def done(error: SwitchError | None) -> None:
            if not self._failed(recording, error) and self._running(recording.call_id) is recording:
                for mask in [one for one in recording.ending if one in masks or one.told]:
                    recording.ending.remove(mask)
                    if mask not in masks:  # the order that should have ended it went down with the link
                        mask.ended = self._end(recording, mask.ended.cause if mask.ended else "asked")
                    self._tell_ended(recording, mask)

        self._switch(recording).tell(order, on_done=done)

    def _end_all(self, recording: Recording) -> None:
        """Silence goes on for another reason: what could not be ended at the switch has ended all the same."""
        for mask in [one for one in recording.ending if one.told and recording.masks]:
            recording.ending.remove(mask)
            mask.ended = self._end(recording, mask.ended.cause if mask.ended else "asked")
            self._tell_ended(recording, mask)

    def _failed(self, recording: Recording, error: SwitchError | None) -> bool:
        if error is not None and self._running(recording.call_id) is recording:
            recording.unsure = True
            tell = log.info if says_gone(error) else log.warning
            tell("mask_not_taken", call_id=recording.call_id, reason=str(error))
        return error is not None

    def _taken(self, recording: Recording, mask: Mask) -> None:
        if mask.told:
            return
        mask.told = True
        self._publish(
            RecordingMasked(
                at=mask.at,
                recording_id=recording.recording_id,
                call_id=recording.call_id,
                offset_ms=mask.from_ms,
                reason=mask.reason,
                until=mask.until,
            )
        )
        if mask.ended is not None and mask not in recording.ending:
            self._tell_ended(recording, mask)

    def _tell_ended(self, recording: Recording, mask: Mask) -> None:
        if not mask.told or mask.ended is None:
            return
        self._publish(
            RecordingUnmasked(
                at=mask.ended.at,
                recording_id=recording.recording_id,
                call_id=recording.call_id,
                offset_ms=mask.ended.to_ms,
                reason=mask.reason,
                from_ms=mask.from_ms,
                cause=mask.ended.cause,
            )
        )

    def _end(self, recording: Recording, cause: str) -> Ended:
        at, to_ms = self._now(recording)
        return Ended(at, to_ms, cause)

    def _now(self, recording: Recording) -> tuple[int, int]:
        now = self._clock.now()
        return now, ms_between(recording.started_at, now)

    def _switch(self, recording: Recording) -> Switch:
        return self._switch_of(recording.node)
