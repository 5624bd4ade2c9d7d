"""When the engineer comes, and what they report of the visit. A release that knows nothing of it leaves it empty."""

import sqlalchemy as sa

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import add_columns, create_index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, and what finds a day's visits."""
    add_columns(
        "installation",
        sa.Column("visit_start", UtcDateTime()),
        sa.Column("visit_end", UtcDateTime()),
        sa.Column("note", sa.Text),
        sa.Column("serials", AsJson(list[str])),
    )
    create_index("installation_by_visit", "installation", "visit_start", "order_id", "round")
    create_index(
        "installation_by_engineer_and_visit", "installation", "engineer_id", "visit_start", "order_id", "round"
    )
