"""What the composition root hands over, so that a flow can use queues, calendars and prompts without knowing them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ccd.base.errors import NotFound
from ccd.calls.model import Call, Leg


@dataclass(frozen=True, slots=True)
class QueueDoor:
    """Queues, as far as a flow uses them.

    enter: joins the queue of that name (or takes up the stay that the leg already has) and returns the music; NotFound
        where there is no such queue.
    waits: whether the caller stands in line, so that music may be played to him.
    timeout_prompt: what a queue says to a caller who waited too long; '' for nothing.
    """

    enter: Callable[[Call, Leg, str, int], str]
    waits: Callable[[str], bool]
    timeout_prompt: Callable[[str], str]


def _no_calendar(calendar: str) -> str:
    raise NotFound(f"no calendar {calendar!r}")


def _no_queue(call: Call, leg: Leg, queue: str, priority: int) -> str:
    raise NotFound(f"no queue {queue!r}")


NO_QUEUES = QueueDoor(enter=_no_queue, waits=lambda leg_id: False, timeout_prompt=lambda queue: "")


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything beyond the leg itself; where nothing is handed over, nothing is there.

    prompt_path: where the switch finds a prompt of the flow's language.
    hours: what a calendar says now: open, closed, holiday or emergency; NotFound where there is none of that name.
    """

    prompt_path: Callable[[str], str] = str
    queue: QueueDoor = NO_QUEUES
    hours: Callable[[str], str] = _no_calendar
