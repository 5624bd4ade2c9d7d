"""The largest number of events in one request to a consumer."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the columns. Consumers of earlier releases are sent single events."""
    add_columns(
        "event_subscription",
        sa.Column("batch", sa.Integer, nullable=False, server_default="1"),
        sa.Column("batches_after", sa.BigInteger, nullable=True),
    )
