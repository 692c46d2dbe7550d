"""All that a node may do to a leg: say, ask, answer, hang up. Straight lines; LegGone leaves from anywhere."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

import structlog

from ccd.base import words
from ccd.base.clock import Clock
from ccd.base.errors import NotFound
from ccd.calls.mailbox import Mailbox
from ccd.calls.model import Call, Leg
from ccd.ivr import errands, queueing, recording, ringing, transferring, voicemail
from ccd.ivr.doors import Doors, Outcome, Steps
from ccd.ivr.functions import Value
from ccd.ivr.keys import Keys, Typed
from ccd.ivr.queueing import QueueDone
from ccd.ivr.unheard import NOT_FOUND, Unheard
from ccd.ivr.values import Values
from ccd.switch.commands import Answer, Hangup, Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, ChannelAnswered, DigitPressed
from ccd.switch.port import Switch

if TYPE_CHECKING:
    from ccd.ivr.nodes.transfer import Transfer as TransferNode

log = structlog.get_logger(__name__)

LONGEST_PROMPT_S = 600.0
ANSWER_DEADLINE_S = 10.0
NOT_PLAYED = "REFUSED"


class Talk:
    """One customer's leg in the hands of a flow. Lives in the call's own greenlet.

    `keys` are what the caller types. `resumed` tells the first node after a restart that a ccd before this one was at work
    there; `spoken` is the language of the flow that runs, '' for the site's; `nested`: others wait around it; `turned_away`: so
    many queues in a row did not let him wait. The modules of
    this package work with the other attributes.
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
        self.resumed = False
        self.spoken = ""
        self.nested = False
        self.turned_away = 0
        self.timeout_prompt = ""
        self._handed: tuple[dict[str, Value], set[str]] = ({}, set())
        self.keys = Keys(self)
        self._complained: set[str] = set()
        self.values = Values(call, values)

    def close(self) -> None:
        """The flow is over. Nothing here holds on to itself any more: what thousands of calls left to the garbage collector,
        it held everybody up for."""
        self.mailbox.aside = None
        del self.keys, self.doors

    def answer(self) -> None:
        """Answer now, unless the route says that a queue or an agent does; wait until the switch has done it."""
        if self.answer_point == "at_once":
            self.answer_now()
            recording.obtain_consent(self)

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

    @property
    def typed(self) -> deque[str]:
        """Keys that no input has used yet."""
        return self.keys.waiting

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

    def play(self, audio: str, *, barge_in: bool) -> bool:
        """Play a path or stream to its end, or to the first key with `barge_in`; tells whether it could be heard."""
        playing = str(uuid.uuid4())
        self.leg.early_media = True
        self.keys.listen()
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
                    return event.response not in (NOT_FOUND, NOT_PLAYED)
                if isinstance(event, DigitPressed):
                    self.keys.note(event.digit)
                    if barge_in and self.typed:
                        self.switch.tell(StopPlaying(leg_id=self.leg.leg_id))
                        return True
            self.switch.tell(StopPlaying(leg_id=self.leg.leg_id))
            return True
        finally:
            self.switch.await_end()

    def _not_playing(self, execution_id: str) -> None:
        """The switch would not play, or is not connected: as if the prompt had ended at once."""
        leg_id, now = self.leg.leg_id, self.clock.now()
        self.mailbox.put(
            ApplicationEnded(
                leg_id=leg_id, at=now, execution_id=execution_id, application="playback", response=NOT_PLAYED
            )
        )

    def ask(self, prompt: str, *, timeout_ms: int, barge_in: bool) -> str | None:
        """Play a prompt and take one key; None when none came within `timeout_ms` after its end."""
        self.say(prompt, barge_in=barge_in)
        return self.keys.next(timeout_ms)

    def enter(
        self, prompt: str, *, longest: int, terminator: str, first_ms: int, between_ms: int, barge_in: bool
    ) -> Typed:
        """Play a prompt and take several keys; see `Keys.enter`. The key that ends the prompt is the first."""
        self.say(prompt, barge_in=barge_in)
        return self.keys.enter(longest=longest, terminator=terminator, first_ms=first_ms, between_ms=between_ms)

    def forget_keys(self) -> None:
        """What was typed until now counts for nothing."""
        self.keys.drop()

    def conceal(self, concealed: bool) -> None:
        """The caller types what nobody may keep (or no longer does): a recording holds silence meanwhile."""
        door = self.doors.recording
        (door.mask if concealed else door.unmask)(self.call, "secret")

    def record(self, do: str) -> None:
        """Begin the call's recording here, or mask or unmask what follows in it."""
        recording.record(self, do)

    def wait_in_queue(self, queue: str, *, priority: int, steps: Steps = ()) -> str:
        """Stand in a queue, with music, until the leg is ours again; returns how that came about, or no_queue."""
        return queueing.wait_in_queue(self, queue, priority=priority, steps=steps)

    def handed(self, values: dict[str, Value], *, secret: set[str]) -> None:
        """Arguments on their way into a sub-flow, or results on their way out; see `ccd.ivr.frames`."""
        self._handed = values, secret

    def take(self) -> tuple[dict[str, Value], set[str]]:
        """What was handed over last, and which of it is secret; nothing the second time."""
        handed, self._handed = self._handed, ({}, set())
        return handed

    def ring(self, *, ms: int, tone: bool) -> None:
        """Let the caller hear ringing for a time; he is not answered."""
        ringing.ring(self, ms=ms, tone=tone)

    def transfer(self, node: TransferNode, number: str) -> str:
        """Call somebody for the caller and let the two talk; returns a word of `TransferResult`."""
        return transferring.transfer(self, node, number)

    def say_queue_timeout(self, queue: str) -> None:
        """Tell a caller that his wait was too long, in the queue's words."""
        queueing.say_timeout(self, queue)

    def leave_message(self, box: str, *, greeting: str, max_ms: int) -> str:
        """Have the caller leave a message in a voicemail box; returns left, empty or failed."""
        return voicemail.leave_message(self, box, greeting=greeting, max_ms=max_ms)

    def run_errand(
        self, kind: str, given: Mapping[str, Any], *, timeout_ms: int, prompt: str = "", music: str = ""
    ) -> Outcome:
        """Have side do something and wait for it, with a prompt and music for the caller; never longer than its time."""
        return errands.run_errand(self, kind, given, timeout_ms=timeout_ms, prompt=prompt, music=music)

    def complain_once(self, event: str, **what: str) -> bool:
        """Log what the site lacks: a flow may come here again and again. Tells whether this was the first time."""
        key = f"{event} {what}"
        if key in self._complained:
            return False
        self._complained.add(key)
        log.error(event, call_id=self.call.call_id, **what)
        return True

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
