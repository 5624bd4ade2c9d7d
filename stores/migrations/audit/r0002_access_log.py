"""The access log: who has looked at whose personal data."""

import sqlalchemy as sa

from stores.common.columns import AsJson, UtcDateTime
from stores.migrations.steps import create_table

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "access_entry",
        sa.Column("entry_id", sa.String(40), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("filters", AsJson(list[str]), nullable=False),
        sa.Column("people", sa.Integer, nullable=False),
        sa.Column("workflows", AsJson(list[str]), nullable=False),
        sa.Index("access_entry_by_time", "at", "entry_id"),
        sa.Index("access_entry_by_actor", "actor", "at", "entry_id"),
    )
    create_table(
        "access_person",
        sa.Column("person", sa.String(64), primary_key=True),
        sa.Column("at", UtcDateTime(), primary_key=True),
        sa.Column("entry_id", sa.String(40), primary_key=True),
        sa.Index("access_person_by_time", "at"),
    )
