"""A request that adds an engineer can be repeated."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column."""
    add_columns("engineer", sa.Column("fingerprint", sa.String(64)))
