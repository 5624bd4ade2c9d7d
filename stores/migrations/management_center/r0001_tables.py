"""Service areas, engineers, assignments."""

import sqlalchemy as sa

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "service_area",
        sa.Column("service_area_id", sa.String(200), primary_key=True),
        sa.Column("region", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("local_name", sa.String(200), nullable=False),
        sa.Column("matches", AsJson(list[str]), nullable=False),
        sa.Column("retired_at", UtcDateTime()),
        sa.Index("service_area_by_region", "region"),
    )
    create_table(
        "engineer",
        sa.Column("engineer_id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("region", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("retired_at", UtcDateTime()),
        sa.Index("engineer_by_region", "region", "engineer_id"),
    )
    create_table(
        "assignment",
        sa.Column("order_id", sa.String(200), primary_key=True),
        sa.Column("decided_round", sa.Integer, nullable=False),
        sa.Column("refusal", sa.String(40)),
        sa.Column("address_region", sa.String(200)),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("engineer_id", sa.String(200)),
        sa.Column("engineer_name", sa.String(200)),
        sa.Column("region", sa.String(200)),
        sa.Column("round", sa.Integer),
        sa.Column("reason", sa.Text),
        sa.Column("assigned_at", UtcDateTime()),
        sa.Column("assigned_by", sa.Text),
        sa.Index("assignment_by_engineer", "engineer_id", "closed"),
    )
