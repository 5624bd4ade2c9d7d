"""Statistics, which begin now, and the engineer whom an order has left. The release before leaves both as they are."""

from collections import Counter
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import add_columns, create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables, and add the column to the order as it stands, and to its versions.

    The tables may be there already, when the others are made anew. Then the statistics began earlier.
    """
    create_table(
        "order_statistics",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("region", sa.String(40), primary_key=True),
        sa.Column("ordered", sa.Integer, nullable=False),
        sa.Column("completed", sa.Integer, nullable=False),
        sa.Column("canceled", sa.Integer, nullable=False),
        sa.Column("declined", sa.Integer, nullable=False),
        sa.Column("unanswered", sa.Integer, nullable=False),
        sa.Column("incomplete_by_reason", AsJson(Counter[str]), nullable=False),
        sa.Column("hours", AsJson(Counter[int]), nullable=False),
    )
    create_table(
        "counted_order",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Index("counted_order_by_time", "until"),
    )
    begin = create_table(
        "statistics_begin",
        sa.Column("statistics", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    if op.get_bind().scalar(sa.select(begin.c.at)) is None:
        op.bulk_insert(begin, [{"statistics": 1, "at": datetime.now(UTC)}])
    for table in ("order_status", "order_change"):
        add_columns(table, sa.Column("former_engineer_id", sa.String(200)))
