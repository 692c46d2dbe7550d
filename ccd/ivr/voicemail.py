"""Leaving a message: greeting, tone, and waiting until the message is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ccd.base.errors import NotFound
from ccd.switch.events import DigitPressed

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

END_KEY = "#"
TONE = "tone_stream://%(400,0,1000)"
# What a caller hears of how it came out, by ccd.ivr.doors.VoicemailDoor's words.
PROMPTS = {"left": "voicemail_saved", "empty": "voicemail_empty", "failed": "voicemail_failed"}


class MessageDone(msgspec.Struct, frozen=True):
    """Put into the mailbox when a message is over: `how` is left, empty or failed."""

    how: str


def leave_message(talk: Talk, box: str, *, greeting: str, max_ms: int) -> str:
    """Have the caller leave a message; returns left, empty or failed, when he has heard which.

    A caller who hangs up has left his message as well: nothing of it depends on this greenlet. After a restart he speaks on.
    """
    door, leg = talk.doors.voicemail, talk.leg
    language = ""
    try:
        prompt, language = door.greeting(box)
        talk.answer_now()
        if not door.is_spoken(leg.leg_id):
            _say(talk, greeting or prompt, language, barge_in=True)
            talk.play(TONE, barge_in=False)
        talk.typed.clear()  # no key from before the tone ends the message
        door.begin(talk.call, leg, box, max_ms, lambda how: talk.mailbox.put(MessageDone(how)))
        how = _spoken(talk)
    except NotFound:
        talk.complain_once("flow_no_such_voicemail_box", box=box)
        how = "failed"
    _say(talk, PROMPTS[how], language, barge_in=True)
    return how


def _spoken(talk: Talk) -> str:
    while True:
        event = talk.mailbox.wait(MessageDone, DigitPressed)
        if isinstance(event, MessageDone):
            return event.how
        if isinstance(event, DigitPressed) and event.digit == END_KEY:
            talk.doors.voicemail.finish(talk.leg.leg_id)


def _say(talk: Talk, prompt: str, language: str, *, barge_in: bool) -> None:
    """In the language of the box, or else of the flow."""
    if not language:
        talk.say(prompt, barge_in=barge_in)
    elif not (barge_in and talk.typed):
        talk.play(talk.doors.voicemail.prompt_path(prompt, language), barge_in=barge_in)
