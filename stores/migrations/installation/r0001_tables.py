"""Installations, one for each round of asking, and the orders that they are for."""

import sqlalchemy as sa

from stores.common.columns import UtcDateTime
from stores.migrations.steps import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "installation_order",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("newest_round", sa.Integer, nullable=False),
        sa.Column("canceled", sa.Boolean, nullable=False),
    )
    create_table(
        "installation",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("engineer_id", sa.String(200)),
        sa.Column("engineer_name", sa.String(200)),
        sa.Column("installation_address", sa.String(500), nullable=False),
        sa.Column("customer_name", sa.String(200)),
        sa.Column("contact_phone", sa.String(200)),
        sa.Column("product_name", sa.String(200), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("status_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime()),
        sa.Column("reason", sa.Text),
        sa.Index("installation_by_time", "requested_at", "order_id", "round"),
        sa.Index("installation_by_status", "status", "requested_at", "order_id", "round"),
        sa.Index("installation_by_engineer", "engineer_id", "requested_at", "order_id", "round"),
        sa.Index("installation_by_engineer_and_status", "engineer_id", "status", "requested_at", "order_id", "round"),
    )
