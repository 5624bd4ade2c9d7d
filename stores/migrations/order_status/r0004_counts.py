"""Counts of the orders, and indexes that find the oldest. The release before stores orders without counting them."""

import sqlalchemy as sa
from alembic import op

from stores.migrations.steps import add_columns, create_index, create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table, the indexes, and the mark up to which orders are counted: none yet."""
    counts = create_table(
        "order_count",
        sa.Column("region", sa.String(40), primary_key=True),
        sa.Column("status", sa.String(40), primary_key=True),
        sa.Column("reason", sa.String(40), primary_key=True),
        sa.Column("orders", sa.BigInteger, nullable=False),
    )
    # The release before makes the tables anew without it.
    op.execute(counts.delete())
    add_columns("feed_position", sa.Column("counted_up_to", sa.BigInteger, nullable=False, server_default="0"))
    create_index("order_status_by_age", "order_status", "status", "region", "version", "updated_at")
    create_index(
        "order_status_by_unacknowledged",
        "order_status",
        "attention_reason",
        "region",
        "acknowledged_at",
        "attention_since",
    )
