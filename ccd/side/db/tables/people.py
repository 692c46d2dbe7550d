"""What a site configures: agents, stations, queues, tiers, and the version that grows with each change."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, text

from ccd.side.db.tables.schema import duration, identity, metadata, moment, words

_NOW = text("now()")
_ACTIVE = text("retired_at IS NULL")

stations = Table(
    "stations",
    metadata,
    identity("station_id", primary_key=True, nullable=False),
    words("name"),
    words("contact"),
    words("kind", "sip"),
    words("node", ""),
    moment("created_at", nullable=False, server_default=_NOW),
    moment("retired_at"),
    Index("uq_stations_name", "name", unique=True, postgresql_where=_ACTIVE),
)

agents = Table(
    "agents",
    metadata,
    identity("agent_id", primary_key=True, nullable=False),
    words("name"),
    words("display_name", ""),
    words("record", "no"),
    Column("station_id", stations.c.station_id.type, ForeignKey(stations.c.station_id), nullable=True),
    moment("created_at", nullable=False, server_default=_NOW),
    moment("retired_at"),
    Index("uq_agents_name", "name", unique=True, postgresql_where=_ACTIVE),
)

queues = Table(
    "queues",
    metadata,
    identity("queue_id", primary_key=True, nullable=False),
    words("name"),
    words("strategy"),
    words("music"),
    duration("ring_ms", nullable=False),
    duration("wrap_up_ms", nullable=False),
    duration("max_wait_ms", nullable=False),
    words("timeout_prompt"),
    Column("max_no_answers", Integer, nullable=False),
    duration("no_answer_delay_ms", nullable=False),
    duration("reject_delay_ms", nullable=False),
    duration("busy_delay_ms", nullable=False),
    duration("fault_delay_ms", nullable=False),
    duration("min_talk_ms", nullable=False),
    words("record"),
    words("consent", "no"),
    Column("keep_days", Integer, nullable=False, server_default=text("0")),
    moment("created_at", nullable=False, server_default=_NOW),
    moment("retired_at"),
    Index("uq_queues_name", "name", unique=True, postgresql_where=_ACTIVE),
)

tiers = Table(
    "tiers",
    metadata,
    Column("queue_id", queues.c.queue_id.type, ForeignKey(queues.c.queue_id), primary_key=True),
    Column("agent_id", agents.c.agent_id.type, ForeignKey(agents.c.agent_id), primary_key=True),
    Column("level", Integer, nullable=False, server_default=text("1")),
    Column("position", Integer, nullable=False, server_default=text("1")),
)

config_versions = Table(
    "config_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    moment("changed_at", nullable=False, server_default=_NOW),
    words("what"),
)
