"""Indexes that find the visits of a span which are in one status, however long the span is."""

from stores.migrations.steps import create_index

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the indexes."""
    visit = ("visit_start", "order_id", "round")
    create_index("installation_by_status_and_visit", "installation", "status", *visit)
    create_index("installation_by_region_status_and_visit", "installation", "region", "status", *visit)
