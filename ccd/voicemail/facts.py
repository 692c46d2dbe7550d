"""What ccd concluded about voicemail. Paths come in two: as the switch sees the file and as ccd sees it."""

from __future__ import annotations

from enum import StrEnum

from ccd.calls.facts import Fact
from ccd.voicemail.model import Change


class MessageEnd(StrEnum):
    """What ended a message."""

    KEY = "key"
    CALLER = "caller"
    SILENCE = "silence"
    LIMIT = "limit"
    UNKNOWN = "unknown"


class NoMessage(StrEnum):
    """Why what was recorded is no message."""

    TOO_SHORT = "too_short"
    SILENT = "silent"


class VoicemailStarted(Fact, tag="voicemail_started", frozen=True, kw_only=True):
    """A caller hears the tone and speaks; recording was ordered."""

    voicemail_id: str
    call_id: str
    leg_id: str
    node: str
    box_id: str
    box: str
    caller_number: str
    path: str
    local_path: str
    min_ms: int
    max_ms: int
    caller_e164: str = ""
    agent_id: str = ""
    notify: str = ""


class VoicemailLeft(Fact, tag="voicemail_left", frozen=True, kw_only=True):
    """A caller has left a message. `agent_id` is whose box it is, '' for one that is no agent's."""

    voicemail_id: str
    call_id: str
    leg_id: str
    node: str
    box_id: str
    box: str
    caller_number: str
    path: str
    local_path: str
    duration_ms: int
    ended_by: MessageEnd
    caller_e164: str = ""
    agent_id: str = ""
    notify: str = ""


class VoicemailDiscarded(Fact, tag="voicemail_discarded", frozen=True, kw_only=True):
    """Nothing was said, or too little: the file is erased."""

    voicemail_id: str
    call_id: str
    box_id: str
    path: str
    local_path: str
    duration_ms: int
    reason: NoMessage


class VoicemailFailed(Fact, tag="voicemail_failed", frozen=True, kw_only=True):
    """The switch could not record; the caller heard an apology."""

    voicemail_id: str
    call_id: str
    box_id: str
    reason: str


class VoicemailChanged(Fact, tag="voicemail_changed", frozen=True, kw_only=True):
    """A message was assigned (to `agent_id`), listened to, done or deleted; `who` did it, `reason` is a word why."""

    voicemail_id: str
    change: Change
    who: str
    agent_id: str = ""
    station: str = ""
    reason: str = ""
