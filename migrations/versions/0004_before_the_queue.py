"""Everything before the queue: lists of numbers, voicemails, policies of recording."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SCHEMA = "ccd"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
