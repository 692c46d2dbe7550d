"""Whether what was recorded is a message: one rule for the living and for calls that ended while ccd was away. Pure."""

from __future__ import annotations

from ccd.base.clock import Moment
from ccd.voicemail.facts import MessageEnd, NoMessage, VoicemailDiscarded, VoicemailLeft, VoicemailStarted

# FreeSWITCH's word (Record-Completion-Cause) for a recording in which nothing was louder than its threshold.
NO_INPUT = "no-input-timeout"


def ending(
    started: VoicemailStarted, at: Moment, duration_ms: int, ended_by: MessageEnd, *, silent: bool = False
) -> VoicemailLeft | VoicemailDiscarded:
    """The fact that a recording of `duration_ms` comes to."""
    if silent or duration_ms < started.min_ms:
        return VoicemailDiscarded(
            at=at,
            voicemail_id=started.voicemail_id,
            call_id=started.call_id,
            box_id=started.box_id,
            path=started.path,
            local_path=started.local_path,
            duration_ms=duration_ms,
            reason=NoMessage.SILENT if silent else NoMessage.TOO_SHORT,
        )
    return VoicemailLeft(
        at=at,
        voicemail_id=started.voicemail_id,
        call_id=started.call_id,
        leg_id=started.leg_id,
        node=started.node,
        box_id=started.box_id,
        box=started.box,
        caller_number=started.caller_number,
        path=started.path,
        local_path=started.local_path,
        duration_ms=duration_ms,
        ended_by=ended_by,
        caller_e164=started.caller_e164,
        agent_id=started.agent_id,
        notify=started.notify,
    )
