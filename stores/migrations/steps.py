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


def add_columns(table: str, *columns: sa.Column[Any]) -> None:
    """Add columns, or those that are missing; each may be null or has a server's default, for the rows before it."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in known:
            op.add_column(table, column)


def create_index(name: str, table: str, *columns: str) -> None:
    """Make an index, where it is missing."""
    known = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}
    if name not in known:
        op.create_index(name, table, list(columns))
