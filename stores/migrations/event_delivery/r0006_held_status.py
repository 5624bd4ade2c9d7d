"""How a consumer has last refused the event that holds an order."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column. A release that does not know it leaves it empty."""
    add_columns("event_held", sa.Column("last_status", sa.Integer))
