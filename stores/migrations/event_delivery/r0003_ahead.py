"""Events that are delivered beyond the position of a subscription."""

import sqlalchemy as sa

from stores.common.columns import AsJson
from stores.migrations.steps import add_columns

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    add_columns("event_subscription", sa.Column("ahead", AsJson(list[int])))
