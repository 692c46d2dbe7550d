"""Figures: who was asked to press 1 and did not, and what an agent answered in a day found among the visits of years."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "ccd"


def upgrade() -> None:
    op.add_column(
        "offers", sa.Column("asked", sa.Boolean(), server_default=sa.text("false"), nullable=False), schema=SCHEMA
    )
    op.create_index(
        op.f("ix_queue_entries_agent_id_connected_at"), "queue_entries", ["agent_id", "connected_at"], schema=SCHEMA
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_queue_entries_agent_id_connected_at"), table_name="queue_entries", schema=SCHEMA)
    op.drop_column("offers", "asked", schema=SCHEMA)
