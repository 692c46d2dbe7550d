"""The queue: strategies with all they go by, and what a visit, an agent and a break are in figures."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "ccd"


def upgrade() -> None:
    _strategies_up()
    _figures_up()
    _agents_up()
    _exits_up()


def downgrade() -> None:
    _exits_down()
    _agents_down()
    _figures_down()
    _strategies_down()


# --- strategies, tiers, skills, priority ----------------------------------------------------------

_QUEUE_TIMES = {
    "head_start_ms": 0,
    "ageing_ms": 60_000,
    "tier_wait_ms": 0,
    "ring_progressively_delay_ms": 10_000,
    "refused_again_ms": 30_000,
    "last_agent_ms": 0,
}
_QUEUE_SWITCHES = {"tier_one_by_one": False, "skip_empty_tiers": True, "busy_elsewhere": True}


def _strategies_up() -> None:
    for name, default in _QUEUE_TIMES.items():
        _add("queues", sa.Column(name, sa.BigInteger(), server_default=sa.text(str(default)), nullable=False))
    for name, wanted in _QUEUE_SWITCHES.items():
        _add("queues", sa.Column(name, sa.Boolean(), server_default=sa.text(str(wanted).lower()), nullable=False))
    _add("queues", sa.Column("zone", sa.Text(), server_default=sa.text("''"), nullable=False))
    _add("queues", sa.Column("vip_priority", sa.Integer(), server_default=sa.text("10"), nullable=False))
    _add("queues", sa.Column("asks", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
    _add("agents", sa.Column("skills", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
    _add("tiers", sa.Column("weight", sa.Integer(), server_default=sa.text("10"), nullable=False))
    _add("tiers", sa.Column("specialist", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def _strategies_down() -> None:
    for table, column in (("tiers", "specialist"), ("tiers", "weight"), ("agents", "skills")):
        op.drop_column(table, column, schema=SCHEMA)
    for column in ("asks", "vip_priority", "zone", *_QUEUE_SWITCHES, *_QUEUE_TIMES):
        op.drop_column("queues", column, schema=SCHEMA)


def _add(table: str, column: sa.Column) -> None:
    op.add_column(table, column, schema=SCHEMA)


# --- figures: one row a visit, with one outcome ---------------------------------------------------

_OUTCOMES = (
    "'answered', 'abandoned', 'short_abandoned', 'timed_out', 'overflowed', 'exit_key', 'full', 'no_agents', 'closed', "
    "'moved', 'kicked', 'callback', 'switch_lost'"
)
_REASONS_BEFORE = "'connected', 'timed_out', 'abandoned', 'removed', 'switch_lost'"
_VISIT_COUNTS = ("visit", "position", "offers_made")
_VISIT_TIMES = ("ring_ms", "wrap_up_ms")
_QUEUE_LEVELS = {"short_abandon_ms": 5_000, "service_level_ms": 20_000}


def _figures_up() -> None:
    for name, default in _QUEUE_LEVELS.items():
        _add("queues", sa.Column(name, sa.BigInteger(), server_default=sa.text(str(default)), nullable=False))
    for name in _VISIT_COUNTS:
        _add("queue_entries", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in _VISIT_TIMES:
        _add("queue_entries", sa.Column(name, sa.BigInteger(), nullable=True))
    _add("queue_entries", sa.Column("moved_from", sa.Uuid(as_uuid=False), nullable=True))
    op.drop_constraint(op.f("ck_queue_entries_reason"), "queue_entries", schema=SCHEMA, type_="check")
    op.alter_column("queue_entries", "reason", new_column_name="outcome", schema=SCHEMA)
    op.execute("UPDATE ccd.queue_entries SET outcome = 'answered' WHERE outcome = 'connected'")
    op.execute("UPDATE ccd.queue_entries SET outcome = 'kicked' WHERE outcome = 'removed'")
    op.execute(_NUMBER_VISITS)
    op.execute(_COUNT_OFFERS)
    op.create_check_constraint(
        op.f("ck_queue_entries_outcome"), "queue_entries", f"outcome IN ({_OUTCOMES})", schema=SCHEMA
    )
    op.create_check_constraint(
        op.f("ck_queue_entries_one_outcome"),
        "queue_entries",
        "(left_at IS NULL) = (outcome IS NULL)",
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_queue_entries_joined_at"), "queue_entries", ["joined_at"], schema=SCHEMA)
    op.create_index(op.f("ix_queue_entries_offer_id"), "queue_entries", ["offer_id"], schema=SCHEMA)
    _add("agent_states", sa.Column("offer_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_index(
        op.f("ix_agent_states_offer_id"),
        "agent_states",
        ["offer_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("offer_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_offers_entry_id"), "offers", ["entry_id"], schema=SCHEMA)


# Rows of before: which visit of its call each was, and what was offered for it.
_NUMBER_VISITS = """
UPDATE ccd.queue_entries AS q SET visit = n.visit FROM (
  SELECT entry_id, row_number() OVER (PARTITION BY call_id ORDER BY joined_at, entry_id) AS visit FROM ccd.queue_entries
) AS n WHERE n.entry_id = q.entry_id
"""
_COUNT_OFFERS = """
UPDATE ccd.queue_entries AS q SET offers_made = o.made, ring_ms = o.ring_ms FROM (
  SELECT o.entry_id, count(*) AS made, max(o.ring_ms) FILTER (WHERE o.offer_id = e.offer_id) AS ring_ms
  FROM ccd.offers o JOIN ccd.queue_entries e ON e.entry_id = o.entry_id GROUP BY o.entry_id
) AS o WHERE o.entry_id = q.entry_id
"""


def _figures_down() -> None:
    op.drop_index(op.f("ix_offers_entry_id"), table_name="offers", schema=SCHEMA)
    op.drop_index(op.f("ix_agent_states_offer_id"), table_name="agent_states", schema=SCHEMA)
    op.drop_column("agent_states", "offer_id", schema=SCHEMA)
    op.drop_index(op.f("ix_queue_entries_offer_id"), table_name="queue_entries", schema=SCHEMA)
    op.drop_index(op.f("ix_queue_entries_joined_at"), table_name="queue_entries", schema=SCHEMA)
    for name in ("ck_queue_entries_one_outcome", "ck_queue_entries_outcome"):
        op.drop_constraint(op.f(name), "queue_entries", schema=SCHEMA, type_="check")
    op.alter_column("queue_entries", "outcome", new_column_name="reason", schema=SCHEMA)
    op.execute("UPDATE ccd.queue_entries SET reason = 'connected' WHERE reason = 'answered'")
    op.execute("UPDATE ccd.queue_entries SET reason = 'abandoned' WHERE reason = 'short_abandoned'")
    op.execute(f"UPDATE ccd.queue_entries SET reason = 'removed' WHERE reason NOT IN ({_REASONS_BEFORE})")  # noqa: S608 -- ours
    op.create_check_constraint(
        op.f("ck_queue_entries_reason"), "queue_entries", f"reason IN ({_REASONS_BEFORE})", schema=SCHEMA
    )
    for name in ("moved_from", *_VISIT_TIMES, *_VISIT_COUNTS):
        op.drop_column("queue_entries", name, schema=SCHEMA)
    for name in _QUEUE_LEVELS:
        op.drop_column("queues", name, schema=SCHEMA)


# --- agents: what a call not taken costs, wrap-up, breaks ------------------------------------------

_AGENT_TIMES = {
    "reoffer_gap_ms": 500,
    "progress_ms": 5_000,
    "progress_outside_ms": 15_000,
    "wrap_up_max_ms": 600_000,
}


def _agents_up() -> None:
    for name, default in _AGENT_TIMES.items():
        _add("queues", sa.Column(name, sa.BigInteger(), server_default=sa.text(str(default)), nullable=False))
    _add("queues", sa.Column("causes", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False))
    _add("agents", sa.Column("ring_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    _add("agents", sa.Column("wrap_up_ms", sa.BigInteger(), server_default=sa.text("-1"), nullable=False))
    op.create_table(
        "break_reasons",
        sa.Column("break_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zh", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("en", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("limit_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("allowed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("break_id", name=op.f("pk_break_reasons")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_break_reasons_name",
        "break_reasons",
        ["name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("retired_at IS NULL"),
    )


def _agents_down() -> None:
    op.drop_table("break_reasons", schema=SCHEMA)
    for table, column in (("agents", "wrap_up_ms"), ("agents", "ring_ms"), ("queues", "causes")):
        op.drop_column(table, column, schema=SCHEMA)
    for column in _AGENT_TIMES:
        op.drop_column("queues", column, schema=SCHEMA)


# --- overflow, exits, announcements ----------------------------------------------------------------

_EXIT_TIMES = ("resume_ms", "announce_first_ms", "announce_every_ms")
_EXIT_COUNTS = ("max_waiting", "announce_position")
_EXIT_LISTS = ("overflow", "announce_prompts")


def _exits_up() -> None:
    for name in _EXIT_TIMES:
        _add("queues", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    for name in _EXIT_COUNTS:
        _add("queues", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in _EXIT_LISTS:
        _add("queues", sa.Column(name, postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))


def _exits_down() -> None:
    for name in (*_EXIT_LISTS, *_EXIT_COUNTS, *_EXIT_TIMES):
        op.drop_column("queues", name, schema=SCHEMA)
