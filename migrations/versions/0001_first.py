"""The first schema: what a site configures, the journal, calls, waiting and offering."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "ccd"
PARTITIONED = ("facts", "call_segments", "agent_states")
TABLES = (
    "agent_sessions",
    "agent_states",
    "call_segments",
    "calls",
    "config_versions",
    "facts",
    "journal_cursor",
    "legs",
    "offers",
    "queue_entries",
    "queues",
    "recordings",
    "stations",
    "switch_events",
    "agents",
    "tiers",
)


def upgrade() -> None:
    _people()
    _journal()
    _calls()
    _queueing()
    for table in PARTITIONED:
        op.execute(f"CREATE TABLE {SCHEMA}.{table}_default PARTITION OF {SCHEMA}.{table} DEFAULT")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _people() -> None:
    op.create_table(
        "config_versions",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_config_versions")),
        schema=SCHEMA,
    )
    op.create_table(
        "queues",
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("strategy", sa.Text(), nullable=False),
        sa.Column("music", sa.Text(), nullable=False),
        sa.Column("ring_ms", sa.BigInteger(), nullable=False),
        sa.Column("wrap_up_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_wait_ms", sa.BigInteger(), nullable=False),
        sa.Column("timeout_prompt", sa.Text(), nullable=False),
        sa.Column("max_no_answers", sa.Integer(), nullable=False),
        sa.Column("no_answer_delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("reject_delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("busy_delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("fault_delay_ms", sa.BigInteger(), nullable=False),
        sa.Column("min_talk_ms", sa.BigInteger(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("queue_id", name=op.f("pk_queues")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_queues_name", "queues", ["name"], unique=True, schema=SCHEMA, postgresql_where=sa.text("retired_at IS NULL")
    )
    op.create_table(
        "stations",
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'sip'"), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("station_id", name=op.f("pk_stations")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_stations_name",
        "stations",
        ["name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "agents",
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["station_id"], ["ccd.stations.station_id"], name=op.f("fk_agents_station_id_stations")
        ),
        sa.PrimaryKeyConstraint("agent_id", name=op.f("pk_agents")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_agents_name", "agents", ["name"], unique=True, schema=SCHEMA, postgresql_where=sa.text("retired_at IS NULL")
    )
    op.create_table(
        "tiers",
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("level", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("position", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["ccd.agents.agent_id"], name=op.f("fk_tiers_agent_id_agents")),
        sa.ForeignKeyConstraint(["queue_id"], ["ccd.queues.queue_id"], name=op.f("fk_tiers_queue_id_queues")),
        sa.PrimaryKeyConstraint("queue_id", "agent_id", name=op.f("pk_tiers")),
        schema=SCHEMA,
    )


def _journal() -> None:
    op.create_table(
        "facts",
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("leg_id", sa.Text(), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("boot_id", "seq", "at", name=op.f("pk_facts")),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(
        op.f("ix_facts_agent_id_at"),
        "facts",
        ["agent_id", "at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_facts_at"), "facts", ["at"], unique=False, schema=SCHEMA)
    op.create_index(
        op.f("ix_facts_call_id"),
        "facts",
        ["call_id"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("call_id IS NOT NULL"),
    )
    op.create_table(
        "journal_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("byte_offset", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_journal_cursor")),
        schema=SCHEMA,
    )
    op.create_table(
        "switch_events",
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("core_uuid", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("event IN ('connected', 'disconnected', 'repaired')", name=op.f("ck_switch_events_event")),
        sa.PrimaryKeyConstraint("boot_id", "seq", name=op.f("pk_switch_events")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_switch_events_at"), "switch_events", ["at"], unique=False, schema=SCHEMA)


def _calls() -> None:
    op.create_table(
        "call_segments",
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("segment_key", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("detail", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("kind IN ('flow', 'queue', 'talk')", name=op.f("ck_call_segments_kind")),
        sa.PrimaryKeyConstraint("call_id", "kind", "segment_key", "started_at", name=op.f("pk_call_segments")),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (started_at)",
    )
    op.create_index(op.f("ix_call_segments_call_id"), "call_segments", ["call_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("leg_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("caller_number", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("caller_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("dialled", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("wait_ms", sa.BigInteger(), nullable=True),
        sa.Column("talk_ms", sa.BigInteger(), nullable=True),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("recovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fallback_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fallback_reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(
            "ended_by IN ('caller', 'agent', 'ccd', 'switch_lost', 'unknown')", name=op.f("ck_calls_ended_by")
        ),
        sa.CheckConstraint(
            "outcome IN ('answered', 'abandoned', 'blocked', 'voicemail', 'ivr_ended')", name=op.f("ck_calls_outcome")
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_calls")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_calls_agent_id_ended_at"), "calls", ["agent_id", "ended_at"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_calls_arrived_at"), "calls", ["arrived_at"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_calls_ended_at"), "calls", ["ended_at"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_calls_queue_id_ended_at"), "calls", ["queue_id", "ended_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "legs",
        sa.Column("leg_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("role", sa.Text(), server_default=sa.text("'unknown'"), nullable=False),
        sa.Column("inbound", sa.Boolean(), nullable=True),
        sa.Column("number", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progressed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bridged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("protocol_cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("role IN ('customer', 'agent', 'station', 'unknown')", name=op.f("ck_legs_role")),
        sa.PrimaryKeyConstraint("leg_id", name=op.f("pk_legs")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_legs_call_id"), "legs", ["call_id"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_legs_created_at"), "legs", ["created_at"], unique=False, schema=SCHEMA)
    op.create_table(
        "recordings",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("leg_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("local_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("from_point", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("masked", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('running', 'complete', 'missing', 'failed')", name=op.f("ck_recordings_state")),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_recordings")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_recordings_call_id"), "recordings", ["call_id"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_recordings_started_at"), "recordings", ["started_at"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_recordings_unchecked",
        "recordings",
        ["stopped_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('running', 'missing')"),
    )


def _queueing() -> None:
    op.create_table(
        "agent_sessions",
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("logged_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("logged_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_agent_sessions")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_agent_sessions_agent_id_logged_in_at"),
        "agent_sessions",
        ["agent_id", "logged_in_at"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "agent_states",
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("station_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("no_answers", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "activity IN ('idle', 'offered', 'talking', 'wrap_up')", name=op.f("ck_agent_states_activity")
        ),
        sa.CheckConstraint(
            "presence IN ('logged_out', 'available', 'on_break')", name=op.f("ck_agent_states_presence")
        ),
        sa.PrimaryKeyConstraint("agent_id", "from_at", "boot_id", "seq", name=op.f("pk_agent_states")),
        schema=SCHEMA,
        postgresql_partition_by="RANGE (from_at)",
    )
    op.create_table(
        "offers",
        sa.Column("offer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("leg_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("contact", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("ring_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "result IN ('accepted', 'no_answer', 'busy', 'rejected', 'not_registered', 'unknown_user', 'unreachable',"
            " 'redirected', 'congestion', 'lost_race', 'cancelled')",
            name=op.f("ck_offers_result"),
        ),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_offers")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_offers_agent_id_offered_at"), "offers", ["agent_id", "offered_at"], unique=False, schema=SCHEMA
    )
    op.create_index(op.f("ix_offers_call_id"), "offers", ["call_id"], unique=False, schema=SCHEMA)
    op.create_index(op.f("ix_offers_leg_id"), "offers", ["leg_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "queue_entries",
        sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("leg_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("node", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("wait_ms", sa.BigInteger(), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("offer_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("talk_ms", sa.BigInteger(), nullable=True),
        sa.Column("talk_ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("returns", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "ended_by IN ('caller', 'agent', 'ccd', 'switch_lost', 'unknown')", name=op.f("ck_queue_entries_ended_by")
        ),
        sa.CheckConstraint(
            "reason IN ('connected', 'abandoned', 'timed_out', 'removed', 'switch_lost')",
            name=op.f("ck_queue_entries_reason"),
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_queue_entries")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_queue_entries_call_id"), "queue_entries", ["call_id"], unique=False, schema=SCHEMA)
    op.create_index(
        op.f("ix_queue_entries_queue_id_joined_at"),
        "queue_entries",
        ["queue_id", "joined_at"],
        unique=False,
        schema=SCHEMA,
    )
