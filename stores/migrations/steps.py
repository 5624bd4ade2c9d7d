"""Steps that can be taken again: MySQL commits each as it is taken, and may be interrupted before the next."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stores.columns import OURS


def create_table(name: str, *items: Any) -> sa.Table:
    """Make a table and its indexes, or what is missing of them."""
    options: dict[str, Any] = OURS
    table: sa.Table = sa.Table(name, sa.MetaData(), *items, **options)
    connection = op.get_bind()
    table.create(connection, checkfirst=True)
    for index in table.indexes:
        index.create(connection, checkfirst=True)
    return table
