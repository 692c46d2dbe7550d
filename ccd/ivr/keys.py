"""A caller's keys: those that no input has used yet, in order, and the entry of several. Behind `Talk`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ccd.switch.commands import DetectTones, StopDetectingTones
from ccd.switch.events import DigitPressed

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

MOST_WAITING = 64
"""Keys beyond these are dropped: somebody leans on the telephone. Nothing that a flow asks for is longer."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of an entry: its digits, which may be secret; `ended` when the terminator was pressed."""

    digits: str = field(default="", repr=False)
    ended: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether no key came at all."""
        return not self.digits and not self.ended


class Keys:
    """The keys of one caller; `waiting` are those that no input has used yet."""

    def __init__(self, talk: Talk) -> None:
        self.waiting: deque[str] = deque()
        self._talk = talk
        self._detects = False
        self._late = ""
        self._late_until = 0.0
        talk.mailbox.aside = self._aside

    def note(self, digit: str) -> None:
        """A key was pressed: it waits for an input."""
        late, self._late = self._late, ""
        if digit == late and self._talk.clock.monotonic() <= self._late_until:
            return
        if len(self.waiting) < MOST_WAITING:
            self.waiting.append(digit)

    def _aside(self, event: object) -> None:
        """The flow waits for something else, such as the answer to a request: keys are kept for the next input."""
        if isinstance(event, DigitPressed):
            self.note(event.digit)

    def drop(self) -> None:
        """Forget what was typed until now."""
        while (event := self._talk.mailbox.wait(DigitPressed, timeout=0.0)) is not None:
            self.note(event.digit)
        self.waiting.clear()

    def next(self, timeout_ms: int) -> str | None:
        """The next key, one that waits or comes within the time; None when none does."""
        self.listen()
        deadline = self._talk.clock.monotonic() + timeout_ms / 1000
        while not self.waiting:
            event = self._talk.mailbox.wait(DigitPressed, timeout=deadline - self._talk.clock.monotonic())
            if event is None:
                return None
            self.note(event.digit)
        return self.waiting.popleft()

    def enter(self, *, longest: int, terminator: str, first_ms: int, between_ms: int) -> Typed:
        """Take keys until an entry is whole: by its terminator ('' for none), its length, or silence.

        Args:
            first_ms: the time to begin.
            between_ms: the time from one key to the next.
        """
        digits = ""
        while len(digits) < longest:
            key = self.next(between_ms if digits else first_ms)
            if key is None:
                return Typed(digits)
            if key == terminator:
                return Typed(digits, ended=True)
            digits += key
        self._await_terminator(terminator, between_ms)
        return Typed(digits)

    def _await_terminator(self, terminator: str, between_ms: int) -> None:
        """Many press the terminator though the entry is whole by its length: it is still this entry's, not the next input's."""
        if not self.waiting:
            self._late, self._late_until = terminator, self._talk.clock.monotonic() + between_ms / 1000
        elif self.waiting[0] == terminator:
            self.waiting.popleft()

    # --- keys that come as tones -------------------------------------------------------------------

    def listen(self) -> None:
        """The caller may type from now on: where keys come as tones, somebody has to hear them."""
        leg = self._talk.leg
        if self._detects or leg.presses.method != "inband":
            return
        self._detects = True
        if self._talk.resumed:  # an earlier ccd may have begun it, and the switch takes a second detector for a fault
            self._talk.switch.tell(StopDetectingTones(leg_id=leg.leg_id))
        self._talk.switch.tell(DetectTones(leg_id=leg.leg_id))

    def rest(self) -> None:
        """The caller waits for somebody, or talks to him: what was typed is over, and tones are nobody's keys until `next`."""
        self.waiting.clear()
        self._late = ""
        if self._detects:
            self._detects = False
            self._talk.switch.tell(StopDetectingTones(leg_id=self._talk.leg.leg_id))
