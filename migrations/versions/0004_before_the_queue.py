"""Everything before the queue: lists of numbers, voicemails, policies of recording."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "ccd"


def upgrade() -> None:
    _transfers_up()
    _lists_up()
    _voicemail_up()
    _recording_up()
    _routes_up()


def downgrade() -> None:
    _routes_down()
    _recording_down()
    _voicemail_down()
    _lists_down()
    _transfers_down()


def _voicemail_up() -> None:
    op.create_table(
        "voicemail_boxes",
        sa.Column("box_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("greeting", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("min_ms", sa.BigInteger(), nullable=False),
        sa.Column("max_ms", sa.BigInteger(), nullable=False),
        sa.Column("silence_ms", sa.BigInteger(), nullable=False),
        sa.Column("queue_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("notify", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["queue_id"], ["ccd.queues.queue_id"], name=op.f("fk_voicemail_boxes_queue_id_queues")),
        sa.ForeignKeyConstraint(["agent_id"], ["ccd.agents.agent_id"], name=op.f("fk_voicemail_boxes_agent_id_agents")),
        sa.PrimaryKeyConstraint("box_id", name=op.f("pk_voicemail_boxes")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_voicemail_boxes_name",
        "voicemail_boxes",
        ["name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    texts = ("leg_id", "node", "caller_number", "caller_e164", "path", "local_path", "ended_by")
    moments = ("assigned_at", "listened_at", "done_at", "deleted_at", "changed_at")
    op.create_table(
        "voicemails",
        sa.Column("voicemail_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("box_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        *(sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False) for name in texts),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("agent_id", sa.Uuid(as_uuid=False), nullable=True),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in moments),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("deleted_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("file", sa.Text(), server_default=sa.text("'unchecked'"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("state IN ('new', 'assigned', 'done', 'deleted')", name=op.f("ck_voicemails_state")),
        sa.CheckConstraint("file IN ('unchecked', 'complete', 'missing', 'erased')", name=op.f("ck_voicemails_file")),
        sa.PrimaryKeyConstraint("voicemail_id", name=op.f("pk_voicemails")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_voicemails_box_id_left_at"), "voicemails", ["box_id", "left_at"], schema=SCHEMA)
    op.create_index(op.f("ix_voicemails_call_id"), "voicemails", ["call_id"], schema=SCHEMA)
    op.create_index(op.f("ix_voicemails_left_at"), "voicemails", ["left_at"], schema=SCHEMA)
    op.create_index(
        "ix_voicemails_with_file",
        "voicemails",
        ["left_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("file <> 'erased'"),
    )


def _voicemail_down() -> None:
    op.drop_table("voicemails", schema=SCHEMA)
    op.drop_table("voicemail_boxes", schema=SCHEMA)


_CALLS_SCREENED = ("caller_class", "class_reason", "list_action", "list_scope")


def _lists_up() -> None:
    lists = "'whitelist', 'blacklist', 'malicious', 'vip'"
    op.create_table(
        "list_entries",
        sa.Column("entry_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sort_key", sa.BigInteger(), nullable=True),
        sa.Column("scope", sa.Text(), server_default=sa.text("'all'"), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint(f"list IN ({lists})", name=op.f("ck_list_entries_list")),
        sa.CheckConstraint(
            "action IN ('reject', 'play', 'voicemail', 'flow', 'warn')", name=op.f("ck_list_entries_action")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_list_entries")),
        schema=SCHEMA,
    )
    op.create_index("uq_list_entries_subject", "list_entries", ["subject", "list", "scope"], unique=True, schema=SCHEMA)
    op.create_table(
        "list_changes",
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("who", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=True),
        sa.Column("entries", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_list_changes")),
        schema=SCHEMA,
    )
    for column in _CALLS_SCREENED:
        op.add_column(
            "calls", sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False), schema=SCHEMA
        )
    op.add_column("calls", sa.Column("list_entry_id", sa.BigInteger(), nullable=True), schema=SCHEMA)
    op.add_column("calls", sa.Column("screened_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)


def _lists_down() -> None:
    for column in ("screened_at", "list_entry_id", *_CALLS_SCREENED):
        op.drop_column("calls", column, schema=SCHEMA)
    op.drop_table("list_changes", schema=SCHEMA)
    op.drop_table("list_entries", schema=SCHEMA)


_RECORDING_STATES = "'running', 'complete', 'missing', 'failed'"
# A range of the column that was: a mark `masked` and the first `unmasked` behind it.
_MARKS_TO_MASKS = """
INSERT INTO ccd.recording_masks (recording_id, call_id, mask, from_ms, to_ms)
SELECT r.recording_id, r.call_id, 'agent', (mark.value->>'at_ms')::bigint, (
  SELECT min((behind.value->>'at_ms')::bigint) FROM jsonb_array_elements(r.masked) AS behind
  WHERE behind.value->>'mark' = 'unmasked' AND (behind.value->>'at_ms')::bigint >= (mark.value->>'at_ms')::bigint)
FROM ccd.recordings r, jsonb_array_elements(
  CASE jsonb_typeof(r.masked) WHEN 'array' THEN r.masked ELSE '[]'::jsonb END) AS mark
WHERE mark.value->>'mark' = 'masked' ON CONFLICT DO NOTHING
"""
_MASKS_TO_MARKS = """
UPDATE ccd.recordings r SET masked = (
  SELECT coalesce(jsonb_agg(jsonb_build_object('at_ms', at_ms, 'mark', mark) ORDER BY at_ms, mark DESC), '[]'::jsonb)
  FROM (
    SELECT lower(one) AS at_ms, 'masked' AS mark FROM unnest(silent.ranges) AS one
    UNION ALL SELECT upper(one), 'unmasked' FROM unnest(silent.ranges) AS one WHERE NOT upper_inf(one)) AS marks)
FROM (
  SELECT recording_id, range_agg(int8range(from_ms, to_ms)) AS ranges FROM ccd.recording_masks
  WHERE to_ms IS NULL OR to_ms > from_ms GROUP BY recording_id) AS silent
WHERE silent.recording_id = r.recording_id
"""


def _recording_up() -> None:
    op.create_table(
        "recording_masks",
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("mask", sa.Text(), nullable=False),
        sa.Column("from_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_ms", sa.BigInteger(), nullable=True),
        sa.Column("call_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cause", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("recording_id", "mask", "from_ms", name=op.f("pk_recording_masks")),
        schema=SCHEMA,
    )
    op.create_table(
        "recording_audit",
        sa.Column("audit_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("recording_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_recording_audit")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_recording_audit_recording_id_at"), "recording_audit", ["recording_id", "at"], schema=SCHEMA
    )
    op.create_index(op.f("ix_recording_audit_at"), "recording_audit", ["at"], schema=SCHEMA)
    op.execute(_MARKS_TO_MASKS)
    op.drop_column("recordings", "masked", schema=SCHEMA)
    op.add_column("recordings", _days(), schema=SCHEMA)
    for name in ("held_at", "erased_at"):
        op.add_column("recordings", sa.Column(name, sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    for name in ("held_by", "hold_reason", "erased_by", "erase_reason"):
        op.add_column("recordings", _text(name), schema=SCHEMA)
    _recording_states(f"{_RECORDING_STATES}, 'erasing', 'erased'")
    op.create_index(
        "ix_recordings_erasing",
        "recordings",
        ["recording_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'erasing'"),
    )
    op.add_column("queues", _text("consent", "no"), schema=SCHEMA)
    op.add_column("queues", _days(), schema=SCHEMA)
    op.add_column("agents", _text("record", "no"), schema=SCHEMA)
    op.add_column("calls", _text("recording_consent"), schema=SCHEMA)


def _recording_down() -> None:
    for table, column in (
        ("calls", "recording_consent"),
        ("agents", "record"),
        ("queues", "keep_days"),
        ("queues", "consent"),
    ):
        op.drop_column(table, column, schema=SCHEMA)
    op.drop_index("ix_recordings_erasing", table_name="recordings", schema=SCHEMA)
    rows = sa.table("recordings", sa.column("state", sa.Text()), sa.column("reason", sa.Text()), schema=SCHEMA)
    gone = rows.c.state.in_(("erasing", "erased"))
    op.execute(rows.update().where(gone).values(state="missing", reason="erased"))
    _recording_states(_RECORDING_STATES)
    for name in ("erase_reason", "erased_by", "erased_at", "hold_reason", "held_by", "held_at", "keep_days"):
        op.drop_column("recordings", name, schema=SCHEMA)
    masked = sa.Column("masked", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    op.add_column("recordings", masked, schema=SCHEMA)
    op.execute(_MASKS_TO_MARKS)
    op.drop_table("recording_audit", schema=SCHEMA)
    op.drop_table("recording_masks", schema=SCHEMA)
    queues = sa.table("queues", sa.column("record", sa.Text()), schema=SCHEMA)
    op.execute(queues.update().where(queues.c.record == "never").values(record="no"))


def _recording_states(values: str) -> None:
    name = op.f("ck_recordings_state")
    op.drop_constraint(name, "recordings", schema=SCHEMA, type_="check")
    op.create_check_constraint(name, "recordings", f"state IN ({values})", schema=SCHEMA)


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default=sa.text(f"'{default}'"), nullable=False)


def _days() -> sa.Column[int]:
    return sa.Column("keep_days", sa.Integer(), server_default=sa.text("0"), nullable=False)


ROUTED = ("dialled_e164", "trunk", "route", "route_flow", "route_class", "route_closed", "last_agent")


def _routes_up() -> None:
    for name in ROUTED:
        column = sa.Column(name, sa.Text(), server_default=sa.text("''"), nullable=False)
        op.add_column("calls", column, schema=SCHEMA)
    repeat = sa.Column("repeat_calls", sa.Integer(), server_default=sa.text("0"), nullable=False)
    op.add_column("calls", repeat, schema=SCHEMA)
    op.add_column("calls", sa.Column("routed_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)


def _routes_down() -> None:
    for name in ("routed_at", "repeat_calls", *reversed(ROUTED)):
        op.drop_column("calls", name, schema=SCHEMA)


def _transfers_up() -> None:
    _allow("legs", "role", "'customer', 'agent', 'station', 'transfer', 'unknown'")
    _allow("call_segments", "kind", "'flow', 'queue', 'talk', 'transfer'")
    op.add_column("call_segments", sa.Column("talk_ms", sa.BigInteger(), nullable=True), schema=SCHEMA)


def _transfers_down() -> None:
    legs = sa.table("legs", sa.column("role", sa.Text()), schema=SCHEMA)
    op.execute(legs.update().where(legs.c.role == "transfer").values(role="unknown"))
    op.drop_column("call_segments", "talk_ms", schema=SCHEMA)
    segments = sa.table("call_segments", sa.column("kind", sa.Text()), schema=SCHEMA)
    op.execute(segments.delete().where(segments.c.kind == "transfer"))
    _allow("legs", "role", "'customer', 'agent', 'station', 'unknown'")
    _allow("call_segments", "kind", "'flow', 'queue', 'talk'")


def _allow(table: str, column: str, values: str) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table, schema=SCHEMA, type_="check")
    op.create_check_constraint(name, table, f"{column} IN ({values})", schema=SCHEMA)
