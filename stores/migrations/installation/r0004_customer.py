"""The order's customer, whom the access log names. A release that does not know it leaves it empty."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    add_columns("installation", sa.Column("customer_id", sa.String(200)))
