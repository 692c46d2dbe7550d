"""Which of the keys that the switch reports were pressed: some trunks tell of one press in two ways. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # side loads the model of calls, and nothing of the switch
    from ccd.switch.events import DigitPressed

METHODS: dict[str, str] = {"RTP": "rfc2833", "ENDPOINT": "info", "INBAND_AUDIO": "inband"}
"""How the switch heard of a key, in its word and in ours. A key of any other source (a TDM card) always counts."""

APART_MS = 1_000
"""Two reports of one press are at most as far apart as the key was held, and this: a gateway that sends telephone events one
after another is behind its INFOs when somebody types fast."""
LONGEST_HELD_MS = 2_000
REMEMBERED = 32


@dataclass(slots=True)
class _Press:
    digit: str
    at: int
    held_ms: int
    sources: set[str] = field(default_factory=set)


class Presses:
    """The keys of one leg. With the method `auto` every report counts but the second of the same press.

    No method reports a press twice: so a report is the second one of a press only if that press came from another source
    and this source has not told of it yet. Whoever presses a key twice is heard twice, however fast he is.
    """

    __slots__ = ("_recent", "method")

    def __init__(self) -> None:
        self.method: str = "auto"
        self._recent: deque[_Press] | None = None

    def counts(self, event: DigitPressed) -> bool:
        """Whether a report is a press of its own, by the method of its trunk."""
        how = METHODS.get(event.source)
        if self.method != "auto" and how is not None and how != self.method:
            return False
        if not event.source:
            return True
        return not self._told_before(event)

    def _told_before(self, event: DigitPressed) -> bool:
        if self._recent is None:
            self._recent = deque(maxlen=REMEMBERED)
        held_ms = min(event.duration_ms, LONGEST_HELD_MS)
        for press in self._recent:
            together_us = (APART_MS + max(press.held_ms, held_ms)) * 1000
            same = press.digit == event.digit and event.source not in press.sources
            if same and abs(event.at - press.at) <= together_us:
                press.sources.add(event.source)
                return True
        self._recent.append(_Press(event.digit, event.at, held_ms, {event.source}))
        return False
