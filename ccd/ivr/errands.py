"""Waiting for an errand: side works for the call, the caller hears a prompt or music meanwhile, and his keys are kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from ccd.ivr.doors import Outcome
from ccd.switch.commands import Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

PATIENCE_S = 0.7
"""An answer that comes sooner is waited for in silence: a prompt would take longer than it bridges."""
MUSIC_AGAIN_S = 1.0
GRACE_S = 1.0
LONGEST_S = 31.0


class ErrandDone(msgspec.Struct, frozen=True):
    """Put into the mailbox when an errand has its outcome."""


def run_errand(
    talk: Talk, kind: str, given: Mapping[str, Any], *, timeout_ms: int, prompt: str = "", music: str = ""
) -> Outcome:
    """Have side do an errand and wait for its outcome, whatever the caller does; it never takes longer than its time.

    A prompt that has begun is heard to its end, music is broken off.

    Raises:
        LegGone: the caller hung up; the errand is abandoned.
    """
    heard: list[Outcome] = []

    def done(outcome: Outcome) -> None:
        heard.append(outcome)
        talk.mailbox.put(ErrandDone())

    abandon = talk.doors.errand(kind, given, timeout_ms, done)
    sound = _Sound(talk, prompt, music)
    longest_s = timeout_ms / 1000 + GRACE_S if timeout_ms else LONGEST_S
    deadline = talk.clock.monotonic() + longest_s
    try:
        while not heard:
            left = deadline - talk.clock.monotonic()
            if left <= 0:  # whoever keeps the time of errands did not: nobody waits for ever
                heard.append(Outcome(reason="timed_out"))
                break
            event = talk.mailbox.wait(ErrandDone, ApplicationEnded, timeout=min(left, sound.due_in()))
            if isinstance(event, ApplicationEnded):
                sound.note(event)
            if not heard:
                sound.goes_on()
        sound.ends()
        return heard[0]
    finally:
        sound.over()
        abandon()


class _Sound:
    """What the caller hears while he waits: nothing, then the prompt once, then music."""

    def __init__(self, talk: Talk, prompt: str, music: str) -> None:
        self._talk = talk
        self._prompt = talk.doors.prompt_path(prompt) if prompt else ""
        self._music = music
        self._playing = ""
        self._audio = ""
        self._begins = talk.clock.monotonic() + PATIENCE_S
        self._nudging = False

    def due_in(self) -> float:
        """Seconds until something must begin; a long time where nothing must."""
        if self._playing or not (self._prompt or self._music):
            return LONGEST_S
        return max(self._begins - self._talk.clock.monotonic(), 0.0)

    def note(self, ended: ApplicationEnded) -> None:
        """Something was heard to its end."""
        if self._playing and ended.execution_id in (self._playing, ANY_EXECUTION):
            self._talk.unheard.note(self._audio, ended)
            self._playing = ""

    def goes_on(self) -> None:
        """Begin what is due."""
        now = self._talk.clock.monotonic()
        if self._playing or now < self._begins or not (self._prompt or self._music):
            return
        self._audio, self._prompt = self._prompt or self._music, ""
        if self._audio == self._music:
            self._begins = (
                now + MUSIC_AGAIN_S
            )  # if it ends at once it is broken: not a storm of commands, but another try
        self._begin()

    def ends(self) -> None:
        """Let a prompt end; break music off."""
        if not self._playing:
            return
        if self._audio == self._music:
            self._talk.switch.tell(StopPlaying(leg_id=self._talk.leg.leg_id))
            return
        deadline = self._talk.clock.monotonic() + LONGEST_S
        while (left := deadline - self._talk.clock.monotonic()) > 0:
            event = self._talk.mailbox.wait(ApplicationEnded, timeout=left)
            if event is None or event.execution_id in (self._playing, ANY_EXECUTION):
                return
        self._talk.switch.tell(StopPlaying(leg_id=self._talk.leg.leg_id))

    def over(self) -> None:
        """Nobody listens any more."""
        if self._nudging:
            self._nudging = False
            self._talk.switch.await_end()

    def _begin(self) -> None:
        self._playing = str(uuid.uuid4())
        self._talk.leg.early_media = True
        self._talk.keys.listen()
        if not self._nudging:
            self._nudging = True
            self._talk.switch.await_begin()
        self._talk.switch.tell(
            Play(leg_id=self._talk.leg.leg_id, audio=self._audio, execution_id=self._playing),
            on_done=lambda error: self._refused() if error is not None else None,
        )

    def _refused(self) -> None:
        """The switch would not play it, or is not connected: silence."""
        ended = ApplicationEnded(
            leg_id=self._talk.leg.leg_id,
            at=self._talk.clock.now(),
            execution_id=self._playing,
            application="playback",
            response="REFUSED",
        )
        self._talk.mailbox.put(ended)
