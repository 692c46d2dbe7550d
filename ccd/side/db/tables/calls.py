"""Calls, their legs, their segments and their recordings. No foreign keys: a fact may come before the row it belongs to."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from ccd.calls.facts import EndedBy, Outcome, Role
from ccd.side.db.tables.schema import duration, identity, metadata, moment, one_of, words

calls = Table(
    "calls",
    metadata,
    identity("call_id", primary_key=True, nullable=False),
    words("leg_id", ""),
    words("node", ""),
    words("caller_number", ""),
    words("caller_name", ""),
    words("dialled", ""),
    moment("arrived_at"),
    moment("answered_at"),
    moment("queued_at"),
    moment("connected_at"),
    moment("ended_at"),
    words("outcome", nullable=True),
    words("cause", ""),
    words("ended_by", nullable=True),
    duration("duration_ms"),
    duration("wait_ms"),
    duration("talk_ms"),
    identity("queue_id"),
    identity("agent_id"),
    moment("recovered_at"),
    moment("fallback_at"),
    words("fallback_reason", ""),
    one_of("outcome", Outcome),
    one_of("ended_by", EndedBy),
    Index(None, "ended_at"),
    Index(None, "arrived_at"),
    Index(None, "queue_id", "ended_at"),
    Index(None, "agent_id", "ended_at"),
)

legs = Table(
    "legs",
    metadata,
    words("leg_id", primary_key=True),
    identity("call_id"),
    words("node", ""),
    words("role", "unknown"),
    Column("inbound", Boolean),
    words("number", ""),
    words("name", ""),
    identity("agent_id"),
    moment("created_at"),
    moment("progressed_at"),
    moment("answered_at"),
    moment("bridged_at"),
    moment("ended_at"),
    words("cause", ""),
    words("protocol_cause", ""),
    one_of("role", Role),
    Index(None, "call_id"),
    Index(None, "created_at"),
)

call_segments = Table(
    "call_segments",
    metadata,
    identity("call_id", primary_key=True, nullable=False),
    words("kind", primary_key=True),
    words("segment_key", primary_key=True),
    moment("started_at", nullable=False, primary_key=True),
    moment("ended_at"),
    words("name", ""),
    identity("queue_id"),
    identity("agent_id"),
    words("detail", ""),
    words("reason", ""),
    one_of("kind", ("flow", "queue", "talk")),
    Index(None, "call_id"),
    postgresql_partition_by="RANGE (started_at)",
)

recordings = Table(
    "recordings",
    metadata,
    identity("recording_id", primary_key=True, nullable=False),
    identity("call_id"),
    words("leg_id", ""),
    words("node", ""),
    words("path", ""),
    words("local_path", ""),
    words("from_point", ""),
    moment("started_at"),
    moment("stopped_at"),
    duration("duration_ms"),
    Column("size_bytes", BigInteger),
    words("sha256", nullable=True),
    Column("masked", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    words("state", "running"),
    words("reason", ""),
    moment("checked_at"),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    one_of("state", ("running", "complete", "missing", "failed")),
    Index(None, "call_id"),
    Index(None, "started_at"),
    Index("ix_recordings_unchecked", "stopped_at", postgresql_where=text("state IN ('running', 'missing')")),
)
