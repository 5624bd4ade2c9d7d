"""Who has taken on an order that needs a person. A release that knows nothing of it leaves it empty."""

import sqlalchemy as sa

from stores.common.columns import UtcDateTime
from stores.migrations.steps import add_columns

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns to the order as it stands, and to its versions."""
    for table in ("order_status", "order_change"):
        add_columns(table, sa.Column("acknowledged_by", sa.String(200)), sa.Column("acknowledged_at", UtcDateTime()))
