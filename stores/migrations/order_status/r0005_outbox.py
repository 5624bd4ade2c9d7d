"""Outbox of events for other systems. The release before stores orders without it, and leaves `last_told` as it is."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import add_columns, create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the tables, and add to each order up to which event it is in the outbox: none yet.

    The tables may be there already, when the others are made anew. Otherwise the numbers begin with the time, so that
    none is used that an outbox had which has been lost.
    """
    create_table(
        "order_event",
        sa.Column(
            "sequence", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False
        ),
        sa.Column("event_id", sa.String(120), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("event", sa.String(60), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("data", AsJson(dict[str, Any]), nullable=False),
        sa.Column("region", sa.String(40)),
        sa.Column("written_at", UtcDateTime(), nullable=False),
    )
    position = create_table(
        "outbox_position",
        sa.Column("outbox", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("relayed", sa.BigInteger, nullable=False),
    )
    if op.get_bind().scalar(sa.select(position.c.outbox)) is None:
        now = int(datetime.now(UTC).timestamp() * 1000)
        op.bulk_insert(position, [{"outbox": 1, "sequence": now, "relayed": 0}])
    add_columns("order_status", sa.Column("last_told", sa.String(120)))
