"""Since when nothing may be sent to the address of a subscription's consumer."""

import sqlalchemy as sa

from stores.common.columns import UtcDateTime
from stores.migrations.steps import add_columns

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column. A release that does not know it leaves it as it is."""
    add_columns("event_subscription", sa.Column("forbidden_since", UtcDateTime()))
