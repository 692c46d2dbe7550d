"""What a site configures: agents, stations, queues, tiers, and the version that grows with each change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from ccd.side.db.tables.schema import duration, identity, metadata, moment, words

_NOW = text("now()")
_ACTIVE = text("retired_at IS NULL")


def _time(name: str, default_ms: int) -> Column[Any]:
    return duration(name, nullable=False, server_default=text(str(default_ms)))


def _switch(name: str, default: bool) -> Column[Any]:
    return Column(name, Boolean, nullable=False, server_default=text(str(default).lower()))


stations = Table(
    "stations",
    metadata,
    identity("station_id", primary_key=True, nullable=False),
    words("name"),
    words("contact"),
    words("kind", "sip"),
    words("node", ""),
    _switch("confirm", False),
    _switch("standing", False),
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
    Column("skills", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _time("ring_ms", 0),
    _time("wrap_up_ms", -1),
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
    words("zone", ""),
    _time("head_start_ms", 0),
    _time("ageing_ms", 60_000),
    Column("vip_priority", Integer, nullable=False, server_default=text("10")),
    _time("tier_wait_ms", 0),
    _switch("tier_one_by_one", False),
    _switch("skip_empty_tiers", True),
    Column("asks", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    _time("ring_progressively_delay_ms", 10_000),
    _time("refused_again_ms", 30_000),
    _time("last_agent_ms", 0),
    _switch("busy_elsewhere", True),
    Column("causes", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _time("reoffer_gap_ms", 500),
    _time("progress_ms", 5_000),
    _time("progress_outside_ms", 15_000),
    _time("wrap_up_max_ms", 600_000),
    _time("short_abandon_ms", 5_000),
    _time("service_level_ms", 20_000),
    Column("overflow", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("max_waiting", Integer, nullable=False, server_default=text("0")),
    _time("resume_ms", 0),
    _time("announce_first_ms", 0),
    _time("announce_every_ms", 0),
    Column("announce_position", Integer, nullable=False, server_default=text("0")),
    Column("announce_prompts", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    words("shown_name", ""),
    words("shown_number", "full"),
    words("agent_prompt", ""),
    words("caller_hears", "music"),
    Column("agent_hears", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    _time("confirm_ms", 10_000),
    moment("created_at", nullable=False, server_default=_NOW),
    moment("retired_at"),
    Index("uq_queues_name", "name", unique=True, postgresql_where=_ACTIVE),
)

break_reasons = Table(
    "break_reasons",
    metadata,
    identity("break_id", primary_key=True, nullable=False),
    words("name"),
    words("zh", ""),
    words("en", ""),
    _time("limit_ms", 0),
    _switch("allowed", True),
    moment("created_at", nullable=False, server_default=_NOW),
    moment("retired_at"),
    Index("uq_break_reasons_name", "name", unique=True, postgresql_where=_ACTIVE),
)

tiers = Table(
    "tiers",
    metadata,
    Column("queue_id", queues.c.queue_id.type, ForeignKey(queues.c.queue_id), primary_key=True),
    Column("agent_id", agents.c.agent_id.type, ForeignKey(agents.c.agent_id), primary_key=True),
    Column("level", Integer, nullable=False, server_default=text("1")),
    Column("position", Integer, nullable=False, server_default=text("1")),
    Column("weight", Integer, nullable=False, server_default=text("10")),
    _switch("specialist", False),
)

config_versions = Table(
    "config_versions",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    moment("changed_at", nullable=False, server_default=_NOW),
    words("what"),
)
