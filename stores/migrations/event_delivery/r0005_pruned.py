"""How far each order had come when its events were deleted. What was deleted before this is not known."""

import sqlalchemy as sa

from stores.common.columns import UtcDateTime
from stores.migrations.steps import create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    create_table(
        "event_pruned",
        sa.Column("source", sa.String(40), primary_key=True),
        sa.Column("subject", sa.String(200), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("pruned_at", UtcDateTime(), nullable=False),
        sa.Index("event_pruned_by_time", "pruned_at"),
    )
