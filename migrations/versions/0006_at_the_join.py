"""At the join: what is shown and heard when agent and caller are joined, and telephones whose owners must press a key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SCHEMA = "ccd"


def upgrade() -> None:
    _join_up()
    _standing_up()


def downgrade() -> None:
    _standing_down()
    _join_down()


def _add(table: str, column: sa.Column) -> None:
    op.add_column(table, column, schema=SCHEMA)


# --- what is shown and heard ------------------------------------------------------------------------

_JOIN_WORDS = {"shown_name": "", "shown_number": "full", "agent_prompt": "", "caller_hears": "music"}


def _join_up() -> None:
    for name, default in _JOIN_WORDS.items():
        _add("queues", sa.Column(name, sa.Text(), server_default=sa.text(f"'{default}'"), nullable=False))
    _add("queues", sa.Column("agent_hears", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False))
    _add("queues", sa.Column("confirm_ms", sa.BigInteger(), server_default=sa.text("10000"), nullable=False))
    _add("stations", sa.Column("confirm", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _add("queue_entries", sa.Column("join_ms", sa.BigInteger(), nullable=True))


def _join_down() -> None:
    op.drop_column("queue_entries", "join_ms", schema=SCHEMA)
    op.drop_column("stations", "confirm", schema=SCHEMA)
    for name in ("confirm_ms", "agent_hears", *_JOIN_WORDS):
        op.drop_column("queues", name, schema=SCHEMA)


# --- standing agents --------------------------------------------------------------------------------

_ROLES = ("customer", "agent", "station", "transfer", "unknown")


def _standing_up() -> None:
    _add("stations", sa.Column("standing", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _roles_are((*_ROLES[:2], "standing", *_ROLES[2:]))


def _standing_down() -> None:
    op.execute("UPDATE ccd.legs SET role = 'agent' WHERE role = 'standing'")
    _roles_are(_ROLES)
    op.drop_column("stations", "standing", schema=SCHEMA)


def _roles_are(roles: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{role}'" for role in roles)
    op.drop_constraint(op.f("ck_legs_role"), "legs", schema=SCHEMA, type_="check")
    op.create_check_constraint(op.f("ck_legs_role"), "legs", f"role IN ({listed})", schema=SCHEMA)
