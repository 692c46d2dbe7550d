"""What each kind of fact does to the tables: one row a kind, carried out in this order within a batch.

A kind without a row is kept in `facts` only. Statements must bear any order between batches (a spool of a dead boot may
come late) and never let an older fact overwrite what a newer one said.
"""

from __future__ import annotations

from ccd.side.db.projections import calls, queueing, recordings, voicemail

PROJECTIONS: dict[str, tuple[str, ...]] = {
    "call_arrived": calls.CALL_ARRIVED,
    "call_answered": (calls.CALL_ANSWERED,),
    "call_screened": (calls.CALL_SCREENED,),
    "call_routed": (calls.CALL_ROUTED,),
    "call_recovered": (calls.CALL_RECOVERED,),
    "call_to_fallback": (calls.CALL_TO_FALLBACK,),
    "call_ended": (calls.CALL_ENDED,),
    "offer_made": (queueing.OFFER_MADE,),
    "leg_created": calls.LEG_CREATED,
    "leg_answered": (calls.LEG_ANSWERED,),
    "legs_bridged": (calls.LEGS_BRIDGED,),
    "leg_ended": (calls.LEG_ENDED,),
    "flow_entered": (calls.FLOW_ENTERED,),
    "flow_left": (calls.FLOW_LEFT,),
    "transfer_started": (calls.TRANSFER_STARTED,),
    "transfer_ended": calls.TRANSFER_ENDED,
    "caller_queued": (queueing.CALLER_QUEUED, queueing.QUEUE_SEGMENT),
    "offer_ended": (queueing.OFFER_ENDED,),
    "caller_connected": (queueing.CALLER_CONNECTED, queueing.TALK_STARTED),
    "caller_returned": (queueing.CALLER_RETURNED, queueing.RETURNS, queueing.TALK_RETURNED),
    "caller_left": (queueing.CALLER_LEFT,),
    "talk_ended": queueing.TALK_ENDED,
    "agent_changed": queueing.AGENT_CHANGED,
    "recording_started": (recordings.RECORDING_STARTED,),
    "recording_masked": (recordings.RECORDING_MASKED,),
    "recording_unmasked": (recordings.RECORDING_UNMASKED,),
    "recording_stopped": (recordings.RECORDING_STOPPED,),
    "recording_failed": (recordings.RECORDING_FAILED,),
    "recording_consent": (recordings.RECORDING_CONSENT,),
    "voicemail_left": (voicemail.VOICEMAIL_LEFT,),
    "voicemail_discarded": (voicemail.VOICEMAIL_DISCARDED,),
    "voicemail_changed": (voicemail.VOICEMAIL_CHANGED,),
    "switch_connected": (calls.SWITCH_CONNECTED,),
    "switch_disconnected": (calls.SWITCH_DISCONNECTED,),
    "repaired": (calls.REPAIRED,),
}

FACTS_ONLY = frozenset(
    {
        "agent_reset",
        "break_overrun",
        "agent_not_ready",
        "agent_ready",
        "calendar_closed",
        "calendar_opened",
        "caller_held",
        "caller_waits",
        "configuration_taken",
        "node_entered",
        "position_announced",
        "priority_changed",
        "queue_closed",
        "queue_drained",
        "queue_dropped",
        "queue_opened",
        "queue_snapshot",
        "recording_asked",
        "recording_mask_asked",
        "route_closed",
        "route_opened",
        "rules_taken",
        "transfer_connected",
        "voicemail_failed",
        "voicemail_started",
    }
)

# After all else, over the facts of these kinds together.
SUMMARY_KINDS = frozenset(
    {
        "call_arrived",
        "caller_queued",
        "offer_made",
        "offer_ended",
        "caller_connected",
        "caller_returned",
        "caller_left",
        "talk_ended",
    }
)
SUMMARIES = (queueing.VISIT_SUMMARY, queueing.CALL_SUMMARY, queueing.QUEUE_SEGMENTS_END)
