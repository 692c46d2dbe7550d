"""All that a node may do to a leg: say, ask, answer, wait in a queue, hang up. Straight lines; LegGone leaves from anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NoReturn

import msgspec
import structlog

from ccd.base import words
from ccd.base.clock import Clock
from ccd.base.errors import NotFound
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.ivr.unheard import Unheard
from ccd.ivr.values import Values
from ccd.switch.commands import Answer, Hangup, Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, ChannelAnswered, ChannelParked, DigitPressed
from ccd.switch.port import Switch

log = structlog.get_logger(__name__)

LONGEST_PROMPT_S = 600.0
MUSIC_AGAIN_S = 1.0
PARKED_AGAIN_S = 0.2
ANSWER_DEADLINE_S = 10.0


class QueueDone(msgspec.Struct, frozen=True):
    """Put into the mailbox when the leg is the flow's again: `how` is connected, timed_out or removed."""

    how: str


@dataclass(frozen=True, slots=True)
class QueueDoor:
    """What the composition root hands over, so that a flow can use queues without knowing them.

    enter: joins the queue of that name (or takes up the stay that the leg already has) and returns the music; NotFound
        where there is no such queue.
    waits: whether the caller stands in line, so that music may be played to him.
    timeout_prompt: what a queue says to a caller who waited too long; '' for nothing.
    """

    enter: Callable[[Call, Leg, str, int], str]
    waits: Callable[[str], bool]
    timeout_prompt: Callable[[str], str]


class Talk:
    """One customer's leg in the hands of a flow. Lives in the call's own greenlet."""

    def __init__(
        self,
        *,
        call: Call,
        leg: Leg,
        mailbox: Mailbox,
        switch: Switch,
        clock: Clock,
        prompt_path: Callable[[str], str],
        queue_door: QueueDoor,
        unheard: Unheard,
        answer_point: str = "at_once",
        values: str = "",
        hours: Callable[[str], str] | None = None,
    ) -> None:
        self.call = call
        self.leg = leg
        self._mailbox = mailbox
        self._switch = switch
        self._clock = clock
        self._prompt_path = prompt_path
        self._queue_door = queue_door
        self._unheard = unheard
        self._lacking: set[str] = set()
        self._answer_point = answer_point
        self._hours = hours
        self._typed: list[str] = []
        self.values = Values(call, values)

    def answer(self) -> None:
        """Answer now, unless the route says that a queue or an agent does; wait until the switch has done it."""
        if self._answer_point == "at_once":
            self._answer()

    def _answer(self) -> None:
        if self.leg.answered_at:
            return
        deadline = self._clock.monotonic() + ANSWER_DEADLINE_S
        self._switch.tell(Answer(leg_id=self.leg.leg_id))
        while not self.leg.answered_at:
            left = deadline - self._clock.monotonic()
            event = self._mailbox.wait(ChannelAnswered, ApplicationEnded, timeout=left)
            if event is None and not self.leg.answered_at:
                log.warning("answer_overdue", leg_id=self.leg.leg_id)
                return
            if isinstance(event, ApplicationEnded) and event.execution_id == ANY_EXECUTION:
                self._switch.tell(Answer(leg_id=self.leg.leg_id))  # the order may have gone down with a connection

    def say(self, prompt: str, *, barge_in: bool) -> None:
        """Play a prompt to its end, or to the first key with `barge_in`; that key counts for the next input."""
        if barge_in and self._typed:
            return
        self._play(self._prompt_path(prompt), barge_in)

    @property
    def language(self) -> str:
        """The language that the caller hears: prompts lie in a folder of its name."""
        return PurePosixPath(self._prompt_path("say")).parent.name

    def say_joined(self, before: str, fragments: list[str], after: str, *, barge_in: bool) -> None:
        """Play a prompt, fragments of `ccd.ivr.say` and a prompt as one sentence; either prompt may be ''. Else as `say`."""
        if barge_in and self._typed:
            return
        folder = self._prompt_path("say").removesuffix(".wav")
        spoken = [f"{folder}/{name}.wav" for name in fragments]
        around = [[self._prompt_path(prompt)] if prompt else [] for prompt in (before, after)]
        self._play(words.joined([*around[0], *spoken, *around[1]]), barge_in)

    def _play(self, audio: str, barge_in: bool) -> None:
        playing = str(uuid.uuid4())
        self._switch.await_begin()
        try:
            self._switch.tell(
                Play(leg_id=self.leg.leg_id, audio=audio, execution_id=playing),
                on_done=lambda error: self._not_playing(playing) if error is not None else None,
            )
            deadline = self._clock.monotonic() + LONGEST_PROMPT_S
            while (left := deadline - self._clock.monotonic()) > 0:
                event = self._mailbox.wait(ApplicationEnded, DigitPressed, timeout=left)
                if isinstance(event, ApplicationEnded) and event.execution_id in (playing, ANY_EXECUTION):
                    self._unheard.note(audio.partition("!")[0], event)  # values that were said make no list without end
                    return
                if isinstance(event, DigitPressed):
                    self._typed.append(event.digit)
                    if barge_in:
                        self._switch.tell(StopPlaying(leg_id=self.leg.leg_id))
                        return
            self._switch.tell(StopPlaying(leg_id=self.leg.leg_id))
        finally:
            self._switch.await_end()

    def _not_playing(self, execution_id: str) -> None:
        """The switch would not play, or is not connected: as if the prompt had ended at once."""
        leg_id, now = self.leg.leg_id, self._clock.now()
        self._mailbox.put(
            ApplicationEnded(
                leg_id=leg_id, at=now, execution_id=execution_id, application="playback", response="REFUSED"
            )
        )

    def ask(self, prompt: str, *, timeout_ms: int, barge_in: bool) -> str | None:
        """Play a prompt and take one key; None when none came within `timeout_ms` after its end."""
        self.say(prompt, barge_in=barge_in)
        if self._typed:
            return self._typed.pop(0)
        event = self._mailbox.wait(DigitPressed, timeout=timeout_ms / 1000)
        return None if event is None else event.digit

    def wait_in_queue(self, queue: str, *, priority: int) -> str:
        """Stand in a queue, with music, until the leg is ours again; returns connected, timed_out, removed or no_queue."""
        if self._answer_point == "at_queue":
            self._answer()
        self._typed.clear()
        try:
            music = self._queue_door.enter(self.call, self.leg, queue, priority)
        except NotFound:
            if queue not in self._lacking:  # a flow may come here again and again
                self._lacking.add(queue)
                log.error("flow_no_such_queue", call_id=self.call.call_id, queue=queue)
            return "no_queue"
        playing, began = self._music(music), self._clock.monotonic()
        silent_s: float | None = None
        while True:
            event = self._mailbox.wait(QueueDone, ApplicationEnded, ChannelParked, timeout=silent_s)
            if isinstance(event, QueueDone):
                if event.how != "connected":
                    self._switch.tell(StopPlaying(leg_id=self.leg.leg_id))
                return event.how
            if isinstance(event, ApplicationEnded):
                if event.execution_id == playing:
                    self._unheard.note(music, event)
                if event.execution_id not in (playing, ANY_EXECUTION) or not self._queue_door.waits(self.leg.leg_id):
                    continue
                silent_s = began + MUSIC_AGAIN_S - self._clock.monotonic()
                if silent_s > 0:  # music that ends at once is broken: not a storm of commands, but another try
                    continue
            elif not self._queue_door.waits(self.leg.leg_id):
                silent_s = PARKED_AGAIN_S  # parked before we heard that the agent, who answered, is gone
                continue
            playing, began, silent_s = self._music(music), self._clock.monotonic(), None

    def _music(self, audio: str) -> str:
        playing = str(uuid.uuid4())
        if self._queue_door.waits(self.leg.leg_id):
            self._switch.tell(Play(leg_id=self.leg.leg_id, audio=audio, execution_id=playing))
        return playing

    def say_queue_timeout(self, queue: str) -> None:
        """Tell a caller that his wait was too long, in the queue's words."""
        prompt = self._queue_door.timeout_prompt(queue)
        if prompt:
            self._play(self._prompt_path(prompt), barge_in=False)

    def hours(self, calendar: str) -> str:
        """What a calendar says now: open, closed, holiday or emergency; closed where there is no such calendar."""
        try:
            if self._hours is not None:
                return self._hours(calendar)
        except NotFound:
            pass  # said below
        if calendar not in self._lacking:  # a flow may come here again and again
            self._lacking.add(calendar)
            log.error("flow_no_such_calendar", call_id=self.call.call_id, calendar=calendar)
        return "closed"

    def hang_up(self, cause: str) -> NoReturn:
        """End the call, and wait until it has ended.

        Raises:
            LegGone: always, once the switch has done it.
        """
        self.call.ended_by_ccd = True
        while True:  # a lost link must not leave a caller in silence under a lease that is renewed for ever
            self._switch.tell(Hangup(leg_id=self.leg.leg_id, cause=cause))
            self._mailbox.wait(QueueDone, timeout=ANSWER_DEADLINE_S)
