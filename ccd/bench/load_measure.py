"""From a switch's events to the time between the key that leads into a queue and the agent's leg: a test can count along.

And how much of the processors' time the host of a virtual machine gave to others meanwhile: then late is not ccd's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ccd.bench.result import percentile


class Decisions:
    """Follows keys and agents' legs, told apart by the caller's number, which an agent's leg shows as its caller's."""

    EVENTS = ("DTMF", "CHANNEL_CREATE")

    def __init__(self) -> None:
        self._pressed: dict[str, int] = {}
        self._took_ms: list[float] = []
        self._latest = 0

    def clear(self) -> None:
        """Begin anew."""
        self._pressed.clear()
        self._took_ms.clear()

    def on_event(self, event: Mapping[str, Any]) -> None:
        """An event of the switch."""
        at, number = int(event["Event-Date-Timestamp"]), str(event.get("Caller-Caller-ID-Number", ""))
        self._latest = max(self._latest, at)
        if event.get("Event-Name") == "DTMF":
            self._pressed.setdefault(number, at)
        elif event.get("Call-Direction") == "outbound" and number in self._pressed:
            self._took_ms.append((at - self._pressed.pop(number)) / 1000)

    def open_longer_than(self, seconds: float) -> int:
        """How many keys of so long ago have led to no offer yet, by the switch's own time."""
        return sum(self._latest - at > seconds * 1e6 for at in self._pressed.values())

    def percentile(self, share: float) -> float | None:
        """Of the decisions that were made, in milliseconds; None of none."""
        found = percentile(self._took_ms, share)
        return None if found is None else round(found, 1)


def stolen_s(stat: str | None = None) -> float:
    """Seconds for which processors of this machine wanted to run and were not let, since it started, as proc(5) says."""
    words = (Path("/proc/stat").read_text() if stat is None else stat).split("\n", 1)[0].split()
    return int(words[8]) / os.sysconf("SC_CLK_TCK")
