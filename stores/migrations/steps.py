"""Steps that can be taken again: MySQL commits each as it is taken, and may be interrupted before the next."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stores.common.columns import OURS
from stores.common.database import POSTGRESQL

LOCK_SECONDS = 1
"""So long a step may hold up whoever else needs the table that it waits for: less than they wait for a database."""
_INTERRUPTED = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")
"""An index is there whose making was interrupted: it is kept up to date, and never used."""


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
    """Make an index, where it is missing, while others go on writing: MySQL sees to that, PostgreSQL has to be told."""
    if op.get_bind().dialect.name == POSTGRESQL:
        _create_concurrently(name, table, columns)
    elif not sa.inspect(op.get_bind()).has_index(table, name):
        op.create_index(name, table, list(columns))


def _create_concurrently(name: str, table: str, columns: tuple[str, ...]) -> None:
    with op.get_context().autocommit_block():
        # It waits for the transactions of others, but holds nobody up.
        op.execute("SET lock_timeout = 0")
        if op.get_bind().scalar(_INTERRUPTED, {"name": name}):
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), if_not_exists=True, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
