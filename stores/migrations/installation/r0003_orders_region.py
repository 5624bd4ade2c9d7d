"""The order's region, the customer's note and the product's id. A release that does not know them leaves them empty."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns, create_index

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns, and the indexes that find a region's installations."""
    add_columns(
        "installation",
        sa.Column("region", sa.String(40)),
        sa.Column("customer_note", sa.Text),
        sa.Column("product_id", sa.String(200)),
    )
    create_index("installation_by_region", "installation", "region", "requested_at", "order_id", "round")
    create_index(
        "installation_by_region_and_status", "installation", "region", "status", "requested_at", "order_id", "round"
    )
    create_index("installation_by_region_and_visit", "installation", "region", "visit_start", "order_id", "round")
