"""From a switch's events to the time between a key and the prompt that it leads to: pure, so that a test can count along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["key", "prompt"]
KINDS: dict[str, Kind] = {"DTMF": "key", "PLAYBACK_START": "prompt"}


@dataclass(frozen=True, slots=True)
class Heard:
    """A key that the switch took, or a prompt that it began to play. `at` is its own time."""

    at: int
    kind: Kind
    leg_id: str


def heard_of(event: Mapping[str, Any]) -> Heard | None:
    """What an event says; None for those that do not count here."""
    kind = KINDS.get(str(event.get("Event-Name", "")))
    return kind and Heard(int(event["Event-Date-Timestamp"]), kind, str(event["Unique-ID"]))


def key_to_prompt(heard: Iterable[Heard]) -> tuple[list[float], int]:
    """Milliseconds from each key to the next prompt of its leg, and how many keys no prompt followed.

    Each key leads to a prompt of its own; one that came before the prompt of the key before it makes that key unanswered.
    """
    pressed: dict[str, int] = {}
    delays: list[float] = []
    unanswered = 0
    for one in sorted(heard, key=lambda each: each.at):
        if one.kind == "key":
            unanswered += one.leg_id in pressed
            pressed[one.leg_id] = one.at
        elif one.leg_id in pressed:
            delays.append((one.at - pressed.pop(one.leg_id)) / 1000)
    return delays, unanswered + len(pressed)
