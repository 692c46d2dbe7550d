"""Recordings, their silent parts, and who held or erased them. A row outlives its file: hash, size and reason stay."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, text

from ccd.side.db.tables.schema import duration, identity, metadata, moment, one_of, words

STATES = ("running", "complete", "missing", "failed", "erasing", "erased")

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
    words("state", "running"),
    words("reason", ""),
    moment("checked_at"),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    Column("keep_days", Integer, nullable=False, server_default=text("0")),
    moment("held_at"),
    words("held_by", ""),
    words("hold_reason", ""),
    moment("erased_at"),
    words("erased_by", ""),
    words("erase_reason", ""),
    one_of("state", STATES),
    Index(None, "call_id"),
    Index(None, "started_at"),
    Index("ix_recordings_unchecked", "stopped_at", postgresql_where=text("state IN ('running', 'missing')")),
    Index("ix_recordings_erasing", "recording_id", postgresql_where=text("state = 'erasing'")),
)

recording_masks = Table(
    "recording_masks",
    metadata,
    identity("recording_id", primary_key=True, nullable=False),
    words("mask", primary_key=True),
    duration("from_ms", primary_key=True, nullable=False, autoincrement=False),
    duration("to_ms"),
    identity("call_id"),
    moment("until_at"),
    words("cause", ""),
)

recording_audit = Table(
    "recording_audit",
    metadata,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=True),
    identity("recording_id", nullable=False),
    moment("at", nullable=False),
    words("who"),
    words("what"),
    words("why", ""),
    Index(None, "recording_id", "at"),
    Index(None, "at"),
)
