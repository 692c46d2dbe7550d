"""The facts themselves, how far the spool is written, and what happened to the switches. Filled by the journal's writer."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from ccd.side.db.tables.schema import identity, metadata, moment, one_of, words

facts = Table(
    "facts",
    metadata,
    Column("boot_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    moment("at", nullable=False, primary_key=True),
    words("kind"),
    identity("call_id"),
    words("leg_id", nullable=True),
    identity("agent_id"),
    identity("queue_id"),
    Column("body", JSONB, nullable=False),
    Index(None, "at"),
    Index(None, "call_id", postgresql_where=text("call_id IS NOT NULL")),
    Index(None, "agent_id", "at", postgresql_where=text("agent_id IS NOT NULL")),
    postgresql_partition_by="RANGE (at)",
)

journal_cursor = Table(
    "journal_cursor",
    metadata,
    words("name", primary_key=True),
    Column("segment", BigInteger, nullable=False),
    Column("byte_offset", BigInteger, nullable=False),
    moment("moved_at", nullable=False, server_default=text("now()")),
)

switch_events = Table(
    "switch_events",
    metadata,
    Column("boot_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    moment("at", nullable=False),
    words("node", ""),
    words("event"),
    words("core_uuid", ""),
    words("detail", ""),
    words("subject", ""),
    one_of("event", ("connected", "disconnected", "repaired")),
    Index(None, "at"),
)
