"""The log of events, which begins now."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from stores.common.columns import UtcDateTime
from stores.migrations.steps import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables. Numbers begin at the milliseconds of the clock: a log that is made anew uses no number again."""
    create_table(
        "event",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("event_id", sa.String(120), nullable=False),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("type", sa.String(80), nullable=False),
        sa.Column("region", sa.String(40)),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("appended_at", UtcDateTime(), nullable=False),
        sa.Index("event_by_id", "event_id", unique=True),
        sa.Index("event_by_subject", "subject", "sequence"),
        sa.Index("event_by_time", "appended_at", "sequence"),
    )
    position = create_table(
        "event_position",
        sa.Column("log", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("pruned", sa.BigInteger, nullable=False),
    )
    create_table(
        "event_source",
        sa.Column("source", sa.String(40), primary_key=True),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    if op.get_bind().scalar(sa.select(position.c.log)) is None:
        now = int(datetime.now(UTC).timestamp() * 1000)
        op.bulk_insert(position, [{"log": 1, "sequence": now, "pruned": now}])
