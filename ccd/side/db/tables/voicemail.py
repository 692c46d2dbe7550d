"""Voicemail: boxes, and the messages left in them. A message keeps its row when its file is erased."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, text

from ccd.side.db.tables.people import agents, queues
from ccd.side.db.tables.schema import duration, identity, metadata, moment, one_of, words
from ccd.voicemail.model import State

voicemail_boxes = Table(
    "voicemail_boxes",
    metadata,
    identity("box_id", primary_key=True, nullable=False),
    words("name"),
    words("display_name", ""),
    words("greeting"),
    words("language", ""),
    duration("min_ms", nullable=False),
    duration("max_ms", nullable=False),
    duration("silence_ms", nullable=False),
    Column("queue_id", queues.c.queue_id.type, ForeignKey(queues.c.queue_id), nullable=True),
    Column("agent_id", agents.c.agent_id.type, ForeignKey(agents.c.agent_id), nullable=True),
    Column("retention_days", Integer, nullable=False),
    words("notify", ""),
    moment("created_at", nullable=False, server_default=text("now()")),
    moment("retired_at"),
    Index("uq_voicemail_boxes_name", "name", unique=True, postgresql_where=text("retired_at IS NULL")),
)

voicemails = Table(
    "voicemails",
    metadata,
    identity("voicemail_id", primary_key=True, nullable=False),
    identity("box_id"),
    identity("call_id"),
    words("leg_id", ""),
    words("node", ""),
    words("caller_number", ""),
    words("caller_e164", ""),
    words("path", ""),
    words("local_path", ""),
    words("ended_by", ""),
    moment("left_at"),
    duration("duration_ms"),
    words("state", "new"),
    identity("agent_id"),
    moment("assigned_at"),
    moment("listened_at"),
    moment("done_at"),
    moment("deleted_at"),
    moment("changed_at"),
    words("reason", ""),
    words("deleted_by", ""),
    Column("size_bytes", BigInteger),
    words("sha256", nullable=True),
    words("file", "unchecked"),
    moment("checked_at"),
    Column("checks", Integer, nullable=False, server_default=text("0")),
    one_of("state", State),
    one_of("file", ("unchecked", "complete", "missing", "erased")),
    Index(None, "box_id", "left_at"),
    Index(None, "call_id"),
    Index(None, "left_at"),
    Index("ix_voicemails_with_file", "left_at", postgresql_where=text("file <> 'erased'")),
)
