"""Names of products, and whether customers are offered them. Products of earlier releases have no names."""

import sqlalchemy as sa

from stores.migrations.steps import add_columns

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns. Every existing product can be ordered."""
    add_columns(
        "product",
        sa.Column("name", sa.String(200)),
        sa.Column("local_name", sa.String(200)),
        sa.Column("orderable", sa.Boolean, nullable=False, server_default="1"),
    )
