"""Standing in a queue: music and announcements until the leg is the flow's again, and the keys that lead out."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from ccd.base import words
from ccd.base.errors import NotFound
from ccd.ivr.doors import Diverted, Hears, Steps
from ccd.ivr.recording import obtain_consent
from ccd.ivr.say import NotSayable, say
from ccd.switch.commands import Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, ChannelParked, DigitPressed

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

MUSIC_AGAIN_S = 1.0
PARKED_AGAIN_S = 0.2
NO_QUEUE_AGAIN_S = 1.0
MOST_TURNED_AWAY = 10
BEFORE_PLACE, AFTER_PLACE = "queue_position", "queue_position_after"
BEFORE_AGENT, AFTER_AGENT = "agent_number", "agent_number_after"


class QueueDone(msgspec.Struct, frozen=True):
    """Put into the mailbox when the leg is the flow's again: `how` is connected, or a word of LeftReason; `to`: where an overflow
    sends the caller."""

    how: str
    to: str = ""


class QueueMoved(msgspec.Struct, frozen=True):
    """Put into the mailbox when the caller stands in another queue than before."""


class AgentAnswers(msgspec.Struct, frozen=True):
    """Put into the mailbox when the caller is to hear which agent will talk with him, by number; '': he will not after all."""

    number: str


def wait_in_queue(talk: Talk, queue: str, *, priority: int, steps: Steps = ()) -> str:
    """Stand in a queue, with music, until the leg is ours again; returns how that came about, or no_queue.

    Raises:
        Diverted: an overflow sends the caller into another flow.
    """
    door = talk.doors.queue
    door.screen(talk.call, talk.leg, queue)  # before the answer: who is rejected is not answered for it
    if talk.answer_point == "at_queue":
        talk.answer_now()
    obtain_consent(talk, queue)
    talk.keys.rest()
    try:
        music = door.enter(talk.call, talk.leg, queue, priority, steps)
    except NotFound:
        if not talk.complain_once("flow_no_such_queue", queue=queue):
            talk.mailbox.wait(QueueDone, timeout=NO_QUEUE_AGAIN_S)  # a flow that goes round relies on queues to wait
        return "no_queue"
    talk.timeout_prompt = door.timeout_prompt(queue) or ""
    began = talk.clock.monotonic()
    done = _Stay(talk, music).wait()
    turned_away = talk.clock.monotonic() < began + NO_QUEUE_AGAIN_S and done.how != "connected"
    talk.turned_away = talk.turned_away + 1 if turned_away else 0
    if talk.turned_away > 1:
        talk.mailbox.wait(QueueDone, timeout=NO_QUEUE_AGAIN_S)
    onward = done.to and talk.turned_away <= MOST_TURNED_AWAY
    if onward and (flow := door.elsewhere(talk.call, done.to, talk.spoken)) is not None:
        raise Diverted(flow)
    return done.how


class _Stay:
    """What a caller in a queue hears: music, and now and then an announcement; nothing of ours while an agent has him."""

    def __init__(self, talk: Talk, music: str) -> None:
        self._talk = talk
        self._door = talk.doors.queue
        self._music = self._audio = music
        self._hears = Hears()
        self._playing = ""
        self._began = 0.0
        self._again_at: float | None = None
        self._came = 0.0
        self._said = 0
        self._announce_at: float | None = None
        self._introducing = ""
        self._take_queue()
        if self._waits():
            self._again_at = talk.clock.monotonic()

    def wait(self) -> QueueDone:
        """Until the stay is over."""
        while True:
            self._go_on()
            event = self._talk.mailbox.wait(
                QueueDone,
                QueueMoved,
                AgentAnswers,
                ApplicationEnded,
                ChannelParked,
                DigitPressed,
                timeout=self._due_in(),
            )
            match event:
                case QueueDone():
                    self._talk.typed.clear()
                    if event.how != "connected" and self._playing:
                        self._talk.switch.tell(StopPlaying(leg_id=self._talk.leg.leg_id))
                    return event
                case QueueMoved():
                    self._take_queue()
                case AgentAnswers():
                    self._introduce(event.number)
                case ApplicationEnded():
                    self._ended(event)
                case ChannelParked():
                    self._parked_again()
                case DigitPressed() if event.digit in self._hears.keys:
                    self._door.press(self._talk.leg.leg_id, event.digit)

    def _parked_again(self) -> None:
        """What he was told to hear on his way back lies before the leg, or is lost: it begins anew, and is not there twice.

        The second of two would wait behind the first, and be heard in the midst of his next conversation.
        """
        if self._introducing:
            self._introduce(self._introducing)
        else:
            self._break_off()
            self._again_at = self._talk.clock.monotonic()

    def _take_queue(self) -> None:
        """He stands in a queue that is new to him: it has its own music, announcements and keys."""
        self._hears = self._door.hears(self._talk.leg.leg_id) or self._hears
        music = self._hears.music or self._music
        if music != self._music:
            self._music = music
            self._break_off()
        waited_ms = (self._talk.clock.now() - self._hears.came_at) // 1000
        self._came = self._talk.clock.monotonic() - waited_ms / 1000
        self._said = self._hears.said_by(waited_ms)
        self._time_announcement()
        if self._hears.keys and self._waits():
            self._talk.keys.listen()

    def _waits(self) -> bool:
        return self._door.waits(self._talk.leg.leg_id)

    def _due_in(self) -> float | None:
        due = [one for one in (None if self._playing else self._again_at, self._announce_at) if one is not None]
        return max(min(due) - self._talk.clock.monotonic(), 0.0) if due else None

    def _ended(self, event: ApplicationEnded) -> None:
        if event.execution_id == self._playing:
            self._talk.unheard.note(self._audio.partition("!")[0], event)
        if event.execution_id not in (self._playing, ANY_EXECUTION):
            return
        self._playing = ""
        if self._introducing:
            number, self._introducing = self._introducing, ""
            self._door.introduced(self._talk.leg.leg_id, number)
        if not self._waits():
            self._again_at = None  # an agent has him: his leg will park again, or the stay is over
            self._talk.keys.rest()
        elif self._audio == self._music:  # music that ends at once is broken: not a storm of commands, but another try
            self._again_at = self._began + MUSIC_AGAIN_S
        else:
            self._again_at = self._talk.clock.monotonic()

    def _go_on(self) -> None:
        now = self._talk.clock.monotonic()
        if self._announce_at is not None and now >= self._announce_at:
            self._announce()
        if self._playing or self._again_at is None or now < self._again_at:
            return
        if self._waits():
            self._play(self._music)
            if self._hears.keys:
                self._talk.keys.listen()
        else:
            self._again_at = now + PARKED_AGAIN_S  # parked before we heard that the agent, who answered, is gone

    def _play(self, audio: str) -> None:
        self._playing, self._audio, self._began = str(uuid.uuid4()), audio, self._talk.clock.monotonic()
        self._talk.switch.tell(Play(leg_id=self._talk.leg.leg_id, audio=audio, execution_id=self._playing))

    def _break_off(self) -> None:
        if self._playing:
            self._talk.switch.tell(StopPlaying(leg_id=self._talk.leg.leg_id))
            self._playing, self._again_at = "", self._talk.clock.monotonic()

    # --- announcements ----------------------------------------------------------------------------

    def _time_announcement(self) -> None:
        """The next one counts from when he came, so that it is the same after a restart."""
        due_ms = self._hears.due_ms(self._said)
        self._announce_at = None if due_ms is None else self._came + due_ms / 1000

    def _announce(self) -> None:
        """Say what is due over the music; left out while a telephone rings for him."""
        hears, leg_id = self._hears, self._talk.leg.leg_id
        waited_ms = round((self._talk.clock.monotonic() - self._came) * 1000)
        said, self._said = self._said, max(self._said + 1, hears.said_by(waited_ms))
        self._time_announcement()
        place = self._door.place(leg_id)
        if place is None:
            return
        path = self._talk.doors.prompt_path
        audio = [path(hears.prompts[said % len(hears.prompts)])] if hears.prompts else []
        if hears.tells(place) and (fragments := self._spoken(place)):
            folder = path("say").removesuffix(".wav")
            audio += [path(BEFORE_PLACE), *(f"{folder}/{name}.wav" for name in fragments), path(AFTER_PLACE)]
            self._hears = msgspec.structs.replace(hears, announced=place)
            self._door.announced(leg_id, place)
        if audio:
            self._break_off()
            self._play(words.joined(audio) if len(audio) > 1 else audio[0])

    def _introduce(self, number: str) -> None:
        """Say which agent it is, in place of the music; or break that off, for he is gone again."""
        if number and not self._waits():
            return  # the two are being bridged: it would be heard in the midst of their conversation
        if self._introducing or number:
            self._break_off()
        self._introducing = ""
        if not number:
            return
        path = self._talk.doors.prompt_path
        fragments = self._spoken(number, "digits")
        if not fragments:
            self._door.introduced(self._talk.leg.leg_id, number)
            return
        folder = path("say").removesuffix(".wav")
        audio = [path(BEFORE_AGENT), *(f"{folder}/{name}.wav" for name in fragments), path(AFTER_AGENT)]
        self._play(words.joined(audio))
        self._introducing = number

    def _spoken(self, value: int | str, kind: str = "number") -> list[str]:
        language = self._talk.language
        try:
            return say(kind, value, language)
        except NotSayable:
            self._talk.complain_once("not_said_in_queue", language=language)
            return []


def say_timeout(talk: Talk, queue: str) -> None:
    """Tell a caller that his wait was too long, in the queue's words; of one that was removed with him, in those it had."""
    prompt = talk.doors.queue.timeout_prompt(queue)
    if prompt is None:
        prompt = talk.timeout_prompt
    if prompt:
        talk.play(talk.doors.prompt_path(prompt), barge_in=False)
