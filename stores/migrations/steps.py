"""Repeatable migration steps. MySQL commits each step by itself, so a revision may be interrupted between two."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from stores.common.columns import OURS
from stores.common.database import POSTGRESQL

LOCK_SECONDS = 1
"""How long a step may block other users of the table that it waits for: less than their deadline for a database."""
_INTERRUPTED = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")
"""Finds an index whose creation was interrupted. PostgreSQL keeps it up to date, but never uses it."""


def create_table(name: str, *items: Any) -> sa.Table:
    """Create a table and its indexes, as far as they are missing."""
    options: dict[str, Any] = OURS
    table: sa.Table = sa.Table(name, sa.MetaData(), *items, **options)
    connection = op.get_bind()
    table.create(connection, checkfirst=True)
    for index in table.indexes:
        index.create(connection, checkfirst=True)
    return table


def add_columns(table: str, *columns: sa.Column[Any]) -> None:
    """Add the missing columns. Each is nullable or has a server default, for the existing rows."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in known:
            op.add_column(table, column)


def create_index(name: str, table: str, *columns: str) -> None:
    """Create a missing index without blocking writers. MySQL does so by itself; PostgreSQL needs CONCURRENTLY."""
    if op.get_bind().dialect.name == POSTGRESQL:
        _create_concurrently(name, table, columns)
    elif not sa.inspect(op.get_bind()).has_index(table, name):
        op.create_index(name, table, list(columns))


def _create_concurrently(name: str, table: str, columns: tuple[str, ...]) -> None:
    with op.get_context().autocommit_block():
        # The statement waits for other transactions, but blocks nobody.
        op.execute("SET lock_timeout = 0")
        if op.get_bind().scalar(_INTERRUPTED, {"name": name}):
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, list(columns), if_not_exists=True, postgresql_concurrently=True)
        op.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
