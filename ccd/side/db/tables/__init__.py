"""All tables of ccd, one file an area. Schema changes need a migration; a test compares the two."""

from __future__ import annotations

from ccd.side.db.tables.calls import call_segments, calls, legs
from ccd.side.db.tables.journal import facts, journal_cursor, switch_events
from ccd.side.db.tables.lists import list_changes, list_entries
from ccd.side.db.tables.people import agents, break_reasons, config_versions, queues, stations, tiers
from ccd.side.db.tables.queueing import agent_sessions, agent_states, offers, queue_entries
from ccd.side.db.tables.recordings import recording_audit, recording_masks, recordings
from ccd.side.db.tables.schema import SCHEMA, metadata
from ccd.side.db.tables.voicemail import voicemail_boxes, voicemails

PARTITIONED = {"facts": "at", "call_segments": "started_at", "agent_states": "from_at"}

__all__ = [
    "PARTITIONED",
    "SCHEMA",
    "agent_sessions",
    "agent_states",
    "agents",
    "break_reasons",
    "call_segments",
    "calls",
    "config_versions",
    "facts",
    "journal_cursor",
    "legs",
    "list_changes",
    "list_entries",
    "metadata",
    "offers",
    "queue_entries",
    "queues",
    "recording_audit",
    "recording_masks",
    "recordings",
    "stations",
    "switch_events",
    "tiers",
    "voicemail_boxes",
    "voicemails",
]
