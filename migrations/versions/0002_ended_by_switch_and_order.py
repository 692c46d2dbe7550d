"""FreeSWITCH itself may have ended a call or a conversation; an entry's state is ordered as the facts were published.

Moments are those of events of several legs, and they don't come in order: the newest fact is not the one of the latest
moment.
"""

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
    op.add_column("queue_entries", sa.Column("state_boot", sa.Text(), nullable=True), schema=SCHEMA)
    op.drop_column("queue_entries", "state_at", schema=SCHEMA)
    for table in TABLES:
        _allow(table, NOW)


def downgrade() -> None:
    op.add_column("queue_entries", sa.Column("state_at", sa.DateTime(timezone=True), nullable=True), schema=SCHEMA)
    op.drop_column("queue_entries", "state_boot", schema=SCHEMA)
    for table in TABLES:
        rows = sa.table(table, sa.column("ended_by", sa.Text()), schema=SCHEMA)
        op.execute(rows.update().where(rows.c.ended_by == "switch").values(ended_by="unknown"))
        _allow(table, BEFORE)


def _allow(table: str, values: str) -> None:
    name = op.f(f"ck_{table}_ended_by")
    op.drop_constraint(name, table, schema=SCHEMA, type_="check")
    op.create_check_constraint(name, table, f"ended_by IN ({values})", schema=SCHEMA)
