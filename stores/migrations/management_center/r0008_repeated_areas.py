"""A request that adds a service area can be repeated."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column."""
    add_columns("service_area", sa.Column("fingerprint", sa.String(64)))
