"""Numbers in their E.164 form beside what the trunk sent: what lists, repeat callers and reports compare."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "ccd"
INDEX = "ix_calls_caller_e164_arrived_at"


def upgrade() -> None:
    for table, column in (("calls", "caller_e164"), ("legs", "number_e164")):
        op.add_column(table, sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False), schema=SCHEMA)
    op.create_index(op.f(INDEX), "calls", ["caller_e164", "arrived_at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index(op.f(INDEX), table_name="calls", schema=SCHEMA)
    for table, column in (("legs", "number_e164"), ("calls", "caller_e164")):
        op.drop_column(table, column, schema=SCHEMA)
