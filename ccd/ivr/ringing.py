"""Ringing that the caller hears: his own network's, for as long as he is not answered and hears nothing else, or our tone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from ccd.switch.commands import Play, RingReady, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, DigitPressed

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

RINGBACK = "tone_stream://%(1000,4000,450);loops=-1"
"""China's ring-back tone: 450 Hz, one second of five."""
AGAIN_S = 1.0


class Sound:
    """What a caller hears while his flow waits; begun again where it ends by itself, but not in a storm of commands."""

    def __init__(self, talk: Talk, audio: str) -> None:
        self._talk = talk
        self._audio = audio
        self._playing = ""
        self._began = 0.0
        self._begin()

    @property
    def again_s(self) -> float | None:
        """In how many seconds `look` is to be called at the latest, None where something plays."""
        return None if self._playing else max(0.0, self._began + AGAIN_S - self._talk.clock.monotonic())

    def look(self, event: object = None) -> None:
        """Take note of an event, and begin again what has ended."""
        self.note(event)
        if self.again_s == 0.0:
            self._begin()

    def note(self, event: object) -> None:
        """Take note of an event: what plays may have ended."""
        if isinstance(event, ApplicationEnded) and event.execution_id in (self._playing, ANY_EXECUTION):
            if event.execution_id == self._playing:
                self._talk.unheard.note(self._audio, event)
            self._playing = ""

    def stop(self) -> None:
        """Silence, if something plays."""
        if self._playing:
            self._talk.switch.tell(StopPlaying(leg_id=self._talk.leg.leg_id))
            self._playing = ""

    def _begin(self) -> None:
        leg = self._talk.leg
        self._playing, self._began = str(uuid.uuid4()), self._talk.clock.monotonic()
        leg.early_media = True
        self._talk.switch.tell(Play(leg_id=leg.leg_id, audio=self._audio, execution_id=self._playing))


class Signal:
    """The caller's network rings: we say so once, and it lasts until he is answered."""

    again_s: float | None = None

    def __init__(self, talk: Talk) -> None:
        talk.switch.tell(RingReady(leg_id=talk.leg.leg_id))

    def look(self, event: object = None) -> None:
        """Nothing ends."""

    def note(self, event: object) -> None:
        """Nothing ends."""

    def stop(self) -> None:
        """It ends with the answer."""


def begin(talk: Talk, *, tone: bool = False) -> Sound | Signal:
    """Let the caller hear ringing from now on; `tone`: ours, though his network could do it."""
    heard = bool(talk.leg.answered_at or talk.leg.early_media)
    return Sound(talk, RINGBACK) if tone or heard else Signal(talk)


def ring(talk: Talk, *, ms: int, tone: bool) -> None:
    """Let the caller hear ringing for a time. Keys that he presses meanwhile count for the next input."""
    deadline = talk.clock.monotonic() + ms / 1000
    ringing = begin(talk, tone=tone)
    while (left := deadline - talk.clock.monotonic()) > 0:
        again_s = ringing.again_s
        event = talk.mailbox.wait(
            ApplicationEnded, DigitPressed, timeout=left if again_s is None else min(left, again_s)
        )
        if isinstance(event, DigitPressed):
            talk.keys.note(event.digit)
        ringing.look(event)
    ringing.stop()
