"""Standing in a queue: music until the leg is the flow's again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from ccd.base.errors import NotFound
from ccd.ivr.recording import obtain_consent
from ccd.switch.commands import Play, StopPlaying
from ccd.switch.events import ANY_EXECUTION, ApplicationEnded, ChannelParked

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

MUSIC_AGAIN_S = 1.0
PARKED_AGAIN_S = 0.2
NO_QUEUE_AGAIN_S = 1.0


class QueueDone(msgspec.Struct, frozen=True):
    """Put into the mailbox when the leg is the flow's again: `how` is connected, timed_out or removed."""

    how: str


def wait_in_queue(talk: Talk, queue: str, *, priority: int) -> str:
    """Stand in a queue, with music, until the leg is ours again; returns connected, timed_out, removed or no_queue."""
    door = talk.doors.queue
    door.screen(talk.call, talk.leg, queue)  # before the answer: who is rejected is not answered for it
    if talk.answer_point == "at_queue":
        talk.answer_now()
    obtain_consent(talk, queue)
    talk.keys.rest()
    try:
        music = door.enter(talk.call, talk.leg, queue, priority)
    except NotFound:
        if not talk.complain_once("flow_no_such_queue", queue=queue):
            talk.mailbox.wait(QueueDone, timeout=NO_QUEUE_AGAIN_S)  # a flow that goes round relies on queues to wait
        return "no_queue"
    playing, began = _music(talk, music), talk.clock.monotonic()
    silent_s: float | None = None
    while True:
        event = talk.mailbox.wait(QueueDone, ApplicationEnded, ChannelParked, timeout=silent_s)
        if isinstance(event, QueueDone):
            talk.typed.clear()
            if event.how != "connected":
                talk.switch.tell(StopPlaying(leg_id=talk.leg.leg_id))
            return event.how
        if isinstance(event, ApplicationEnded):
            if event.execution_id == playing:
                talk.unheard.note(music, event)
            if event.execution_id not in (playing, ANY_EXECUTION) or not door.waits(talk.leg.leg_id):
                continue
            silent_s = began + MUSIC_AGAIN_S - talk.clock.monotonic()
            if silent_s > 0:  # music that ends at once is broken: not a storm of commands, but another try
                continue
        elif not door.waits(talk.leg.leg_id):
            silent_s = PARKED_AGAIN_S  # parked before we heard that the agent, who answered, is gone
            continue
        playing, began, silent_s = _music(talk, music), talk.clock.monotonic(), None


def _music(talk: Talk, audio: str) -> str:
    playing = str(uuid.uuid4())
    if talk.doors.queue.waits(talk.leg.leg_id):
        talk.switch.tell(Play(leg_id=talk.leg.leg_id, audio=audio, execution_id=playing))
    return playing


def say_timeout(talk: Talk, queue: str) -> None:
    """Tell a caller that his wait was too long, in the queue's words."""
    prompt = talk.doors.queue.timeout_prompt(queue)
    if prompt:
        talk.play(talk.doors.prompt_path(prompt), barge_in=False)
