"""All tables of ccd, one file an area. Schema changes need a migration; a test compares the two."""

from __future__ import annotations

from ccd.side.db.tables.calls import call_segments, calls, legs, recordings
from ccd.side.db.tables.journal import facts, journal_cursor, switch_events
from ccd.side.db.tables.people import agents, config_versions, queues, stations, tiers
from ccd.side.db.tables.queueing import agent_sessions, agent_states, offers, queue_entries
from ccd.side.db.tables.schema import SCHEMA, metadata

PARTITIONED = {"facts": "at", "call_segments": "started_at", "agent_states": "from_at"}

__all__ = [
    "PARTITIONED",
    "SCHEMA",
    "agent_sessions",
    "agent_states",
    "agents",
    "call_segments",
    "calls",
    "config_versions",
    "facts",
    "journal_cursor",
    "legs",
    "metadata",
    "offers",
    "queue_entries",
    "queues",
    "recordings",
    "stations",
    "switch_events",
    "tiers",
]
