"""A call or a conversation may have been ended by FreeSWITCH itself: time-outs of media and session, its fallback, its faults."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "ccd"
TABLES = ("calls", "queue_entries")
BEFORE = "'caller', 'agent', 'ccd', 'switch_lost', 'unknown'"
NOW = "'caller', 'agent', 'ccd', 'switch', 'switch_lost', 'unknown'"


def upgrade() -> None:
    for table in TABLES:
        _allow(table, NOW)


def downgrade() -> None:
    for table in TABLES:
        rows = sa.table(table, sa.column("ended_by", sa.Text()), schema=SCHEMA)
        op.execute(rows.update().where(rows.c.ended_by == "switch").values(ended_by="unknown"))
        _allow(table, BEFORE)


def _allow(table: str, values: str) -> None:
    name = op.f(f"ck_{table}_ended_by")
    op.drop_constraint(name, table, schema=SCHEMA, type_="check")
    op.create_check_constraint(name, table, f"ended_by IN ({values})", schema=SCHEMA)
