"""The orders as they stand, their latest versions, and how far the versions have been numbered."""

import sqlalchemy as sa
from alembic import op

from domain.orders import HistoryEntry
from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "order_status",
        sa.Column("order_id", sa.String(200), primary_key=True),
        *_order(),
        sa.Index("order_status_by_date", "order_date", "order_id"),
        sa.Index("order_status_by_update", "updated_at", "order_id"),
        sa.Index("order_status_by_attention", "attention_since", "order_id"),
        sa.Index("order_status_by_need", "needs_person", "order_date", "order_id"),
        sa.Index("order_status_by_status", "status", "updated_at", "order_id"),
        sa.Index("order_status_by_region", "region", "status", "attention_reason"),
        sa.Index("order_status_by_customer", "customer_id"),
        sa.Index("order_status_by_engineer", "engineer_id"),
    )
    sequence = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    create_table(
        "order_change",
        sa.Column("sequence", sequence, primary_key=True, autoincrement=False),
        sa.Column("order_id", sa.String(200), nullable=False),
        *_order(),
    )
    feed_position = create_table(
        "feed_position",
        sa.Column("feed", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.execute(feed_position.delete())
    op.bulk_insert(feed_position, [{"feed": 1, "sequence": 0}])


def _order() -> list[sa.Column[object]]:
    return [
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("customer_id", sa.String(200), nullable=False),
        sa.Column("customer_name", sa.String(200)),
        sa.Column("contact_phone", sa.String(200)),
        sa.Column("note", sa.Text),
        sa.Column("product_id", sa.String(200), nullable=False),
        sa.Column("product_name", sa.String(200), nullable=False),
        sa.Column("installation_address", sa.String(500), nullable=False),
        sa.Column("order_date", sa.String(10), nullable=False),
        sa.Column("preferred_visit", UtcDateTime()),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("region", sa.String(40)),
        sa.Column("engineer_id", sa.String(200)),
        sa.Column("engineer_name", sa.String(200)),
        sa.Column("visit_start", UtcDateTime()),
        sa.Column("visit_end", UtcDateTime()),
        sa.Column("install_completed_at", UtcDateTime()),
        sa.Column("attention_reason", sa.String(40)),
        sa.Column("attention_since", UtcDateTime()),
        sa.Column("attention_detail", sa.Text),
        sa.Column("needs_person", sa.Boolean, nullable=False),
        sa.Column("history", AsJson(list[HistoryEntry]), nullable=False),
        sa.Column("searched", sa.Text, nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    ]
