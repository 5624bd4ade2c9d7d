"""The entries, and how far their chain reaches."""

import sqlalchemy as sa
from alembic import op

from stores.common.columns import UtcDateTime
from stores.migrations.steps import create_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables; the chain begins with nothing."""
    create_table(
        "audit_entry",
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("act_id", sa.String(40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("address", sa.String(200), nullable=False),
        sa.Column("act", sa.String(200), nullable=False),
        sa.Column("target", sa.String(200)),
        sa.Column("outcome", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Index("audit_entry_by_act_id", "act_id", unique=True),
        sa.Index("audit_entry_by_actor", "actor", "sequence"),
        sa.Index("audit_entry_by_target", "target", "sequence"),
        sa.Index("audit_entry_by_outcome", "outcome", "sequence"),
        sa.Index("audit_entry_by_time", "at"),
    )
    head = create_table(
        "audit_head",
        sa.Column("chain", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.execute(head.delete())
    op.bulk_insert(head, [{"chain": 1, "sequence": 0, "hash": ""}])
