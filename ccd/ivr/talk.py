"""All that a node may do to a leg: say, ask, answer, hang up. Straight lines; LegGone leaves from anywhere."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath
from typing import NoReturn

import structlog

from ccd.base import words
from ccd.base.clock import Clock
from ccd.base.errors import NotFound
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.ivr import queueing
from ccd.ivr.doors import Doors
from ccd.ivr.queueing import QueueDone
from ccd.ivr.unheard import Unheard
from ccd.ivr.values import Values
from ccd.switch.commands import Answer, Hangup, Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, ChannelAnswered, DigitPressed
from ccd.switch.port import Switch

log = structlog.get_logger(__name__)

LONGEST_PROMPT_S = 600.0
ANSWER_DEADLINE_S = 10.0


class Talk:
    """One customer's leg in the hands of a flow. Lives in the call's own greenlet.

    `typed` are keys that no input has used yet; the modules of this package work with the other attributes.
    """

    def __init__(
        self,
        *,
        call: Call,
        leg: Leg,
        mailbox: Mailbox,
        switch: Switch,
        clock: Clock,
        doors: Doors,
        unheard: Unheard,
        answer_point: str = "at_once",
        values: str = "",
    ) -> None:
        self.call = call
        self.leg = leg
        self.mailbox = mailbox
        self.switch = switch
        self.clock = clock
        self.doors = doors
        self.unheard = unheard
        self.answer_point = answer_point
        self.typed: list[str] = []
        self._complained: set[str] = set()
        self.values = Values(call, values)

    def answer(self) -> None:
        """Answer now, unless the route says that a queue or an agent does; wait until the switch has done it."""
        if self.answer_point == "at_once":
            self.answer_now()

    def answer_now(self) -> None:
        """Answer, whatever the route says, and wait until the switch has done it; a leg that is answered stays as it is."""
        if self.leg.answered_at:
            return
        deadline = self.clock.monotonic() + ANSWER_DEADLINE_S
        self.switch.tell(Answer(leg_id=self.leg.leg_id))
        while not self.leg.answered_at:
            left = deadline - self.clock.monotonic()
            event = self.mailbox.wait(ChannelAnswered, ApplicationEnded, timeout=left)
            if event is None and not self.leg.answered_at:
                log.warning("answer_overdue", leg_id=self.leg.leg_id)
                return
            if isinstance(event, ApplicationEnded) and event.execution_id == ANY_EXECUTION:
                self.switch.tell(Answer(leg_id=self.leg.leg_id))  # the order may have gone down with a connection

    def say(self, prompt: str, *, barge_in: bool) -> None:
        """Play a prompt to its end, or to the first key with `barge_in`; that key counts for the next input."""
        if barge_in and self.typed:
            return
        self.play(self.doors.prompt_path(prompt), barge_in=barge_in)

    @property
    def language(self) -> str:
        """The language that the caller hears: prompts lie in a folder of its name."""
        return PurePosixPath(self.doors.prompt_path("say")).parent.name

    def say_joined(self, before: str, fragments: list[str], after: str, *, barge_in: bool) -> None:
        """Play a prompt, fragments of `ccd.ivr.say` and a prompt as one sentence; either prompt may be ''. Else as `say`."""
        if barge_in and self.typed:
            return
        folder = self.doors.prompt_path("say").removesuffix(".wav")
        spoken = [f"{folder}/{name}.wav" for name in fragments]
        around = [[self.doors.prompt_path(prompt)] if prompt else [] for prompt in (before, after)]
        self.play(words.joined([*around[0], *spoken, *around[1]]), barge_in=barge_in)

    def play(self, audio: str, *, barge_in: bool) -> None:
        """Play a path or stream to its end, or to the first key with `barge_in`."""
        playing = str(uuid.uuid4())
        self.switch.await_begin()
        try:
            self.switch.tell(
                Play(leg_id=self.leg.leg_id, audio=audio, execution_id=playing),
                on_done=lambda error: self._not_playing(playing) if error is not None else None,
            )
            deadline = self.clock.monotonic() + LONGEST_PROMPT_S
            while (left := deadline - self.clock.monotonic()) > 0:
                event = self.mailbox.wait(ApplicationEnded, DigitPressed, timeout=left)
                if isinstance(event, ApplicationEnded) and event.execution_id in (playing, ANY_EXECUTION):
                    self.unheard.note(audio.partition("!")[0], event)  # values that were said make no list without end
                    return
                if isinstance(event, DigitPressed):
                    self.typed.append(event.digit)
                    if barge_in:
                        self.switch.tell(StopPlaying(leg_id=self.leg.leg_id))
                        return
            self.switch.tell(StopPlaying(leg_id=self.leg.leg_id))
        finally:
            self.switch.await_end()

    def _not_playing(self, execution_id: str) -> None:
        """The switch would not play, or is not connected: as if the prompt had ended at once."""
        leg_id, now = self.leg.leg_id, self.clock.now()
        self.mailbox.put(
            ApplicationEnded(
                leg_id=leg_id, at=now, execution_id=execution_id, application="playback", response="REFUSED"
            )
        )

    def ask(self, prompt: str, *, timeout_ms: int, barge_in: bool) -> str | None:
        """Play a prompt and take one key; None when none came within `timeout_ms` after its end."""
        self.say(prompt, barge_in=barge_in)
        if self.typed:
            return self.typed.pop(0)
        event = self.mailbox.wait(DigitPressed, timeout=timeout_ms / 1000)
        return None if event is None else event.digit

    def wait_in_queue(self, queue: str, *, priority: int) -> str:
        """Stand in a queue, with music, until the leg is ours again; returns connected, timed_out, removed or no_queue."""
        return queueing.wait_in_queue(self, queue, priority=priority)

    def say_queue_timeout(self, queue: str) -> None:
        """Tell a caller that his wait was too long, in the queue's words."""
        queueing.say_timeout(self, queue)

    def complain_once(self, event: str, **what: str) -> None:
        """Log what the site lacks: a flow may come here again and again."""
        key = f"{event} {what}"
        if key not in self._complained:
            self._complained.add(key)
            log.error(event, call_id=self.call.call_id, **what)

    def hours(self, calendar: str) -> str:
        """What a calendar says now: open, closed, holiday or emergency; closed where there is no such calendar."""
        try:
            return self.doors.hours(calendar)
        except NotFound:
            self.complain_once("flow_no_such_calendar", calendar=calendar)
        return "closed"

    def hang_up(self, cause: str) -> NoReturn:
        """End the call, and wait until it has ended.

        Raises:
            LegGone: always, once the switch has done it.
        """
        self.call.ended_by_ccd = True
        while True:  # a lost link must not leave a caller in silence under a lease that is renewed for ever
            self.switch.tell(Hangup(leg_id=self.leg.leg_id, cause=cause))
            self.mailbox.wait(QueueDone, timeout=ANSWER_DEADLINE_S)
