"""What the composition root hands over, so that a flow can use queues, calendars and prompts without knowing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ccd.base.clock import Moment
from ccd.base.errors import NotFound, Refused
from ccd.base.skills import Step
from ccd.calls.model import Call, Leg
from ccd.ivr.recording import NO_RECORDING, RecordingDoor

if TYPE_CHECKING:
    from ccd.ivr.facts import TransferResult
    from ccd.ivr.flow import Flow
    from ccd.ivr.transfers import Order, Target


class Diverted(Exception):
    """Leaves a flow from anywhere: the call goes on in another one."""

    def __init__(self, flow: Flow) -> None:
        super().__init__(flow.name)
        self.flow = flow


Steps = tuple[Step, ...]
"""What a flow asks of agents, by waiting time; () as the queue does."""


class Hears(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller in a queue hears, and which keys lead out of it.

    The first announcement comes `first_ms` after he came, then one each `every_ms` (0: no more; either 0: none), with the next
    of `prompts` and his place in line, if that is at most `up_to` and not behind the one he was told, `announced`.
    """

    music: str = ""
    keys: frozenset[str] = frozenset()
    came_at: Moment = 0
    first_ms: int = 0
    every_ms: int = 0
    prompts: tuple[str, ...] = ()
    up_to: int = 0
    announced: int = 0

    def due_ms(self, said: int) -> int | None:
        """After how long a wait the next announcement is due, when there have been so many; None never."""
        first_ms = self.first_ms or self.every_ms
        if not first_ms or (said and not self.every_ms):
            return None
        return first_ms + said * self.every_ms

    def said_by(self, waited_ms: int) -> int:
        """How many announcements were due before a wait as long as this."""
        first_ms = self.first_ms or self.every_ms
        if not first_ms or waited_ms <= first_ms:
            return 0
        return 1 + (waited_ms - first_ms - 1) // self.every_ms if self.every_ms else 1

    def tells(self, place: int) -> bool:
        """Whether he is told his place: never a greater one than before."""
        return 0 < place <= self.up_to and (not self.announced or place <= self.announced)


@dataclass(frozen=True, slots=True)
class QueueDoor:
    """Queues, as far as a flow uses them.

    enter: joins the queue of that name (or takes up the stay that the leg already has) and returns the music; NotFound
        where there is no such queue.
    waits: whether the caller stands in line, so that music may be played to him.
    timeout_prompt: what a queue says to a caller who waited too long; '' for nothing, None where there is no such queue.
    screen: asks, before a queue of that name, whether the caller may come to it; Diverted sends him elsewhere.
    hears: what the leg hears in the queue where it stands; None where it stands in none.
    press: a key that leads out was pressed.
    place: the place in line that the caller may be told now; None while a telephone rings for him, or an agent has him.
    announced: he is told his place.
    elsewhere: the flow that an overflow's target stands for, in a flow's language; None where there is no such thing.
    introduced: the caller has been told which agent will talk with him.
    """

    enter: Callable[[Call, Leg, str, int, Steps], str]
    waits: Callable[[str], bool]
    timeout_prompt: Callable[[str], str | None]
    screen: Callable[[Call, Leg, str], None] = lambda call, leg, queue: None
    hears: Callable[[str], Hears | None] = lambda leg_id: None
    press: Callable[[str, str], None] = lambda leg_id, key: None
    place: Callable[[str], int | None] = lambda leg_id: None
    announced: Callable[[str, int], None] = lambda leg_id, place: None
    elsewhere: Callable[[Call, str, str], Flow | None] = lambda call, to, language: None
    introduced: Callable[[str, str], None] = lambda leg_id, number: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an errand: `ok` is what it brought; None when it failed, and `reason` is a word that says why."""

    ok: Mapping[str, Any] | None = field(default=None, repr=False)
    reason: str = ""


Errand = Callable[[str, Mapping[str, Any], int, Callable[[Outcome], None]], Callable[[], None]]
"""Starts an errand: its kind, what it is given, its ms (0: the site's), who hears the outcome; returns what abandons it."""


def _no_errand(
    kind: str, given: Mapping[str, Any], timeout_ms: int, done: Callable[[Outcome], None]
) -> Callable[[], None]:
    done(Outcome(reason="no_side"))
    return lambda: None


def _no_calendar(calendar: str) -> str:
    raise NotFound(f"no calendar {calendar!r}")


def _no_queue(call: Call, leg: Leg, queue: str, priority: int, steps: Steps) -> str:
    raise NotFound(f"no queue {queue!r}")


NO_QUEUES = QueueDoor(enter=_no_queue, waits=lambda leg_id: False, timeout_prompt=lambda queue: None)


@dataclass(frozen=True, slots=True)
class VoicemailDoor:
    """Boxes for messages, as far as a flow uses them.

    greeting: the prompt of the box of that name and its language ('' the flow's); NotFound where there is no such box.
    prompt_path: where the switch finds a prompt of a language.
    is_spoken: whether a leg speaks a message, begun before a restart.
    begin: records a message for a box, so many milliseconds at most (0: as the box says), or goes on with the one that is
        spoken; the function hears `left`, `empty` or `failed`, in the end.
    finish: the caller of this leg has ended his message.
    """

    greeting: Callable[[str], tuple[str, str]]
    prompt_path: Callable[[str, str], str]
    is_spoken: Callable[[str], bool]
    begin: Callable[[Call, Leg, str, int, Callable[[str], None]], None]
    finish: Callable[[str], None]


def _no_box(name: str) -> tuple[str, str]:
    raise NotFound(f"no voicemail box {name!r}")


NO_VOICEMAIL = VoicemailDoor(
    greeting=_no_box,
    prompt_path=lambda prompt, language: prompt,
    is_spoken=lambda leg_id: False,
    begin=lambda call, leg, box, max_ms, tell: tell("failed"),
    finish=lambda leg_id: None,
)


@dataclass(frozen=True, slots=True)
class TransferDoor:
    """Calling somebody for a caller, as far as a flow does it.

    number, station: how the switch reaches a number or a station; Refused where ccd.yaml does not allow the number, NotFound
        where there is no such station.
    goes_on: whether a transfer of this leg goes on, begun before a restart. rings: whether the other side still rings.
    begin: rings; `TransferDone` in the leg's mailbox says what came of it, once the leg is the flow's again.
    refuse: history is to know of a call that was not made.
    site_number: what is shown where a flow says `caller_id: site`.
    """

    number: Callable[[str], Target]
    station: Callable[[str], Target]
    goes_on: Callable[[str], bool]
    rings: Callable[[str], bool]
    begin: Callable[[Call, Leg, Order], None]
    refuse: Callable[[Call, str, TransferResult], None]
    site_number: str = ""


def _no_way_out(number: str) -> Target:
    raise Refused("calls to numbers are not set up")


def _no_station(name: str) -> Target:
    raise NotFound(f"no station {name!r}")


def _no_call(call: Call, leg: Leg, order: Order) -> None:
    raise Refused("calls are not set up")


NO_TRANSFERS = TransferDoor(
    number=_no_way_out,
    station=_no_station,
    goes_on=lambda leg_id: False,
    rings=lambda leg_id: False,
    begin=_no_call,
    refuse=lambda call, to, result: None,
)


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything beyond the leg itself; where nothing is handed over, nothing is there.

    prompt_path: where the switch finds a prompt of the flow's language.
    hours: what a calendar says now: open, closed, holiday or emergency; NotFound where there is none of that name.
    errand: has side do something that the call waits for (ccd.ivr.errands).
    speech_path: where the switch finds a file that an errand spoke.
    spoken: the same of a text, its language and its voice, '' where nobody has spoken it yet.
    """

    prompt_path: Callable[[str], str] = str
    queue: QueueDoor = NO_QUEUES
    hours: Callable[[str], str] = _no_calendar
    transfer: TransferDoor = NO_TRANSFERS
    voicemail: VoicemailDoor = NO_VOICEMAIL
    recording: RecordingDoor = NO_RECORDING
    errand: Errand = _no_errand
    speech_path: Callable[[str], str] = str
    spoken: Callable[[str, str, str], str] = lambda text, language, voice: ""
