"""What a flow has to do with the call's recording: the caller is told or asked before it begins, and parts are kept silent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ccd.calls.model import Call

if TYPE_CHECKING:
    from ccd.ivr.talk import Talk

log = structlog.get_logger(__name__)

ANNOUNCED, GIVEN, REFUSED = "announced", "given", "refused"


@dataclass(frozen=True, slots=True)
class Consent:
    """What is to be heard before sound is kept. With a `key` the caller is asked: pressing it, or within `wait_ms`, refuses."""

    prompt: str
    key: str = ""
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class ConsentPrompts:
    """What callers hear before a recording: a notice, or a question that one key answers with no."""

    notice: str = "recording_notice"
    question: str = "recording_question"
    refuse_key: str = "2"
    wait_ms: int = 3_000

    def of(self, kind: str) -> Consent:
        """What is heard where `announce` or `ask` is due."""
        if kind == "ask":
            return Consent(prompt=self.question, key=self.refuse_key, wait_ms=self.wait_ms)
        return Consent(prompt=self.notice)


def _nobody_asks(call: Call, queue: str) -> Consent | None:
    return None


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class RecordingDoor:
    """The recording of a call, as far as a flow touches it.

    due: what the caller must hear now: ('' for the flow itself, else the queue he is about to join); None for nothing.
    due_to_talk: what he must hear before the flow calls somebody for him; None for nothing.
    consented: he has heard it, or answered: ANNOUNCED, GIVEN or REFUSED.
    begin: the flow asks for the recording from here on.
    mask, unmask: silence while this reason stands (`secret`, `flow`), whether or not the call is recorded yet.
    """

    due: Callable[[Call, str], Consent | None] = _nobody_asks
    due_to_talk: Callable[[Call], Consent | None] = lambda call: None
    consented: Callable[[Call, str], None] = _nothing
    begin: Callable[[Call], None] = _nothing
    mask: Callable[[Call, str], None] = _nothing
    unmask: Callable[[Call, str], None] = _nothing


NO_RECORDING = RecordingDoor()
_FLOW = "flow"


def record(talk: Talk, do: str) -> None:
    """What a record node does: begin, mask or unmask."""
    door = talk.doors.recording
    if do == "mask":
        door.mask(talk.call, _FLOW)
    elif do == "unmask":
        door.unmask(talk.call, _FLOW)
    else:
        door.begin(talk.call)
        obtain_consent(talk)


def obtain_consent(talk: Talk, queue: str = "") -> None:
    """Tell or ask the caller, if that is due here, before his recording begins. It answers the call: unheard is no consent.

    A notice that could not be played leaves the call unrecorded.
    """
    consent = talk.doors.recording.due(talk.call, queue)
    if consent is not None:
        _obtain(talk, consent)


def obtain_consent_to_talk(talk: Talk) -> None:
    """The same before the flow calls somebody for the caller."""
    consent = talk.doors.recording.due_to_talk(talk.call)
    if consent is not None:
        _obtain(talk, consent)


def _obtain(talk: Talk, consent: Consent) -> None:
    door = talk.doors.recording
    talk.answer_now()
    if not talk.leg.answered_at:
        return
    before = list(talk.typed)
    talk.typed.clear()
    heard = talk.play(talk.doors.prompt_path(consent.prompt), barge_in=False)
    refused = bool(consent.key) and _pressed(talk, consent)
    talk.typed.extendleft(reversed(before))  # keys for a menu that comes later count there
    if refused:
        door.consented(talk.call, REFUSED)
    elif heard:
        door.consented(talk.call, GIVEN if consent.key else ANNOUNCED)
    else:
        log.error("consent_not_heard", alarm="consent_not_heard", call_id=talk.call.call_id, prompt=consent.prompt)


def _pressed(talk: Talk, consent: Consent) -> bool:
    """Whether the caller pressed the key that refuses, while it played or within the time behind it. The key is used up."""
    if not talk.typed and (key := talk.keys.next(consent.wait_ms)) is not None:
        talk.typed.append(key)
    if consent.key in talk.typed:
        talk.typed.remove(consent.key)
        return True
    return False
