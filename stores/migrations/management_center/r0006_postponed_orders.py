"""Orders that were asked in vain to decide their engineer again are left alone for a while."""

import sqlalchemy as sa

from stores.common.columns import UtcDateTime
from stores.migrations.steps import add_columns

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column."""
    add_columns("assignment", sa.Column("postponed_until", UtcDateTime))
