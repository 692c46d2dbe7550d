"""Messages while they are spoken: one mono file a message, on the caller's leg, stopped by key, silence, limit or hang-up.

The switch records beside whatever the leg does (`uuid_record`), never in its place: an application that cannot open its
file hangs the leg up, this only says so. And so the message goes on while ccd is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from ccd.base import words
from ccd.base.clock import Clock, Moment, Timer, as_datetime, ms_between
from ccd.base.errors import NotFound, SwitchError, SwitchRefused
from ccd.base.ids import new_id
from ccd.calls.facts import CallToFallback, LegEnded
from ccd.calls.model import Call, Leg
from ccd.switch.commands import RecordMessage, StopRecording, UnmaskRecording
from ccd.switch.events import RecordStopped
from ccd.switch.port import Switch, says_gone
from ccd.voicemail.endings import NO_INPUT, ending
from ccd.voicemail.facts import MessageEnd, VoicemailFailed, VoicemailLeft, VoicemailStarted
from ccd.voicemail.model import FOLDER, Box

log = structlog.get_logger(__name__)

STOP_DEADLINE_S = 3.0
LEFT, EMPTY, FAILED = "left", "empty", "failed"


@dataclass(slots=True)
class Message:
    """One message being spoken. `how` is left, empty or failed once it is over; `tell` then tells the flow."""

    started: VoicemailStarted
    silence_ms: int
    ended_by: MessageEnd = MessageEnd.UNKNOWN
    how: str = ""
    tell: Callable[[str], None] | None = None
    timer: Timer | None = None
    unheard: bool = False  # the link broke before the switch answered: it may record or not


class Voicemails:
    """Boxes by name, and messages that are being spoken by leg."""

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Any], None],
        switch_of: Callable[[str], Switch],
        switch_root: Callable[[str], str],
        local_root: str,
        e164: Callable[[str], str],
    ) -> None:
        self.running: dict[str, Message] = {}
        self._boxes: dict[str, Box] = {}
        self._clock = clock
        self._publish = publish
        self._switch_of = switch_of
        self._switch_root = switch_root
        self._local_root = local_root
        self._e164 = e164

    def configure(self, boxes: tuple[Box, ...]) -> None:
        """Use these boxes from now on; a message that is being spoken ends by the settings it began with."""
        self._boxes = {box.name: box for box in boxes}

    def box(self, name: str) -> Box:
        """The box of that name; NotFound."""
        if name not in self._boxes:
            raise NotFound(f"no voicemail box {name!r}")
        return self._boxes[name]

    # --- what a flow does ---------------------------------------------------------------------------

    def greeting(self, name: str) -> tuple[str, str]:
        """The prompt and the language of a box; NotFound."""
        box = self.box(name)
        return box.greeting, box.language

    def is_spoken(self, leg_id: str) -> bool:
        """Whether a recovery found this leg speaking a message."""
        return leg_id in self.running

    def begin(self, call: Call, leg: Leg, name: str, max_ms: int, tell: Callable[[str], None]) -> None:
        """Record a message for the box, `max_ms` at most (0: as the box says), or go on with the one that is spoken.

        `tell` hears how it came out: left, empty or failed. NotFound where there is no such box.
        """
        message = self.running.get(leg.leg_id)
        if message is None:
            message = self.running[leg.leg_id] = self._new(call, leg, self.box(name), max_ms)
            message.tell = tell
            self._publish(message.started)
            self._limit(message, message.started.max_ms)
            self._order(message)
        elif message.how:
            del self.running[leg.leg_id]
            tell(message.how)
        else:
            message.tell = tell

    def finish(self, leg_id: str) -> None:
        """The caller has pressed the key that ends his message."""
        message = self.running.get(leg_id)
        if message is not None and not message.how:
            self._stop(message, MessageEnd.KEY)

    def _new(self, call: Call, leg: Leg, box: Box, max_ms: int) -> Message:
        now, voicemail_id = self._clock.now(), new_id()
        relative = f"{FOLDER}/{as_datetime(now):%Y/%m/%d}/{voicemail_id}.wav"
        started = VoicemailStarted(
            at=now,
            voicemail_id=voicemail_id,
            call_id=call.call_id,
            leg_id=leg.leg_id,
            node=leg.node,
            box_id=box.box_id,
            box=box.name,
            caller_number=call.caller_number,
            path=words.below(self._switch_root(leg.node), relative),
            local_path=f"{self._local_root.rstrip('/')}/{relative}",
            min_ms=box.min_ms,
            max_ms=max_ms or box.max_ms,
            caller_e164=self._e164(call.caller_number),
            agent_id=box.agent_id,
            notify=box.notify,
        )
        return Message(started=started, silence_ms=box.silence_ms)

    # --- orders -------------------------------------------------------------------------------------

    def _order(self, message: Message) -> None:
        started = message.started
        self._switch_of(started.node).tell(
            RecordMessage(
                leg_id=started.leg_id,
                path=started.path,
                limit_s=-(-started.max_ms // 1000) + 1,  # whole seconds of the clock: ours comes first
                silence_ms=message.silence_ms,
            ),
            on_done=lambda error: self._ordered(message, error),
        )

    def _ordered(self, message: Message, error: SwitchError | None) -> None:
        """A switch that will not record (disk full, no such folder) costs the message, never the call."""
        if error is None or self._is_over(message):
            return
        if not isinstance(error, SwitchRefused):
            message.unheard = True
            log.warning("voicemail_order_lost", call_id=message.started.call_id, reason=str(error))
        elif not says_gone(error):  # a caller who has just hung up is told by an event
            self._fail(message, str(error))

    def _stop(self, message: Message, by: MessageEnd) -> None:
        message.ended_by = by
        self._switch_of(message.started.node).tell(
            StopRecording(leg_id=message.started.leg_id, path=message.started.path)
        )
        self._cancel_timer(message)
        message.timer = self._clock.call_later(STOP_DEADLINE_S, lambda: self._overdue(message))

    def _overdue(self, message: Message) -> None:
        """No RECORD_STOP came: the event was lost, or the switch had closed the file before."""
        if not self._is_over(message):
            self._conclude(message, self._clock.now(), self._spoken_ms(message, self._clock.now()))

    def _limit(self, message: Message, left_ms: int) -> None:
        self._cancel_timer(message)
        message.timer = self._clock.call_later(max(left_ms, 0) / 1000, lambda: self._stop(message, MessageEnd.LIMIT))

    def look_again(self, node: str) -> None:
        """The link to a switch is back: what became of its messages meanwhile? Lifting a mask asks, and changes nothing."""
        for message in [one for one in self.running.values() if one.started.node == node and not one.how]:
            self._probe(message)

    def _probe(self, message: Message) -> None:
        started = message.started
        self._switch_of(started.node).tell(
            UnmaskRecording(leg_id=started.leg_id, path=started.path),
            on_done=lambda error: self._probed(message, error),
        )

    def _probed(self, message: Message, error: SwitchError | None) -> None:
        if self._is_over(message):
            return
        now = self._clock.now()
        if error is None:
            message.unheard = False  # it records
        if not isinstance(error, SwitchRefused) or says_gone(error):
            return  # a question that was lost says nothing of the message: the next link asks again
        if not message.unheard:
            self._conclude(message, now, self._spoken_ms(message, now))
        elif ms_between(message.started.at, now) < message.silence_ms:  # the order never arrived: no file can be there
            message.unheard = False
            self._order(message)
        else:
            self._fail(message, "the order to record was lost")

    # --- after a restart ----------------------------------------------------------------------------

    def take_up(self, started: VoicemailStarted) -> None:
        """A recovery found a leg whose message a ccd before us began: it goes on, or has ended meanwhile."""
        message = self.running[started.leg_id] = Message(started=started, silence_ms=0)
        self._limit(message, started.max_ms - ms_between(started.at, self._clock.now()))
        self._probe(message)

    # --- endings ------------------------------------------------------------------------------------

    def on_stopped(self, event: RecordStopped) -> None:
        """The switch closed a file; it says how long it is, and whether anybody spoke."""
        message = self.running.get(event.leg_id)
        if message is None or message.how or message.started.path != event.path:
            return
        if message.ended_by is MessageEnd.UNKNOWN and event.cause == "success-silence":
            message.ended_by = MessageEnd.CALLER if event.hung_up else MessageEnd.SILENCE
        if event.cause == "uri-failure":
            self._fail(message, "the file could not be written")
        else:
            self._conclude(message, event.at, event.duration_ms, silent=event.cause == NO_INPUT)

    def on_fallback(self, fact: CallToFallback) -> None:
        """What is said in the site's fallback belongs into no message."""
        message = self.running.get(fact.leg_id)
        if message is not None and not message.how:
            self._stop(message, MessageEnd.UNKNOWN)

    def on_leg_ended(self, fact: LegEnded) -> None:
        """The caller is gone, and no RECORD_STOP came (a lost event, a lost switch): what he said is a message all the same."""
        message = self.running.get(fact.leg_id)
        if message is not None and not message.how:
            message.ended_by = MessageEnd.CALLER
            self._conclude(message, fact.at, self._spoken_ms(message, fact.at))
        self.running.pop(fact.leg_id, None)

    def _conclude(self, message: Message, at: Moment, duration_ms: int, *, silent: bool = False) -> None:
        fact = ending(message.started, at, duration_ms, message.ended_by, silent=silent)
        how = LEFT if isinstance(fact, VoicemailLeft) else EMPTY
        self._publish(fact)
        self._over(message, how)

    def _fail(self, message: Message, reason: str) -> None:
        started = message.started
        log.error("voicemail_not_recorded", alarm="voicemail_not_recorded", call_id=started.call_id, reason=reason)
        self._publish(
            VoicemailFailed(
                at=self._clock.now(),
                voicemail_id=started.voicemail_id,
                call_id=started.call_id,
                box_id=started.box_id,
                reason=reason[:200],
            )
        )
        self._over(message, FAILED)

    def _over(self, message: Message, how: str) -> None:
        """Tell the flow. One that has not come to its node again since a restart asks later."""
        self._cancel_timer(message)
        message.how = how
        if message.tell is not None:
            self.running.pop(message.started.leg_id, None)
            message.tell(how)

    def _is_over(self, message: Message) -> bool:
        return bool(message.how) or self.running.get(message.started.leg_id) is not message

    def _spoken_ms(self, message: Message, until: Moment) -> int:
        return min(ms_between(message.started.at, until), message.started.max_ms)

    def _cancel_timer(self, message: Message) -> None:
        if message.timer is not None:
            message.timer.cancel()
            message.timer = None
