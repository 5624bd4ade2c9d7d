"""A store of one context for the bench, on a database server of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness import databases
from stores.common.database import Database
from stores.migration import migrate

KIND = databases.POSTGRESQL if databases.POSTGRESQL in databases.kinds() else databases.SQLITE
"""PostgreSQL, or SQLite where it is not installed."""
_DEADLINE = 600.0
"""Seconds. Nobody gives up, however long the others take."""


@asynccontextmanager
async def opened(context: str) -> AsyncIterator[Database]:
    """Open a new database of a context. Its commits are durable, and it has the connections of one process."""
    with databases.servers() as servers, TemporaryDirectory() as directory:
        if KIND == databases.SQLITE:
            url = f"sqlite:///{Path(directory) / 'store.db'}"
        else:
            url = servers.own(KIND, f"durable-{KIND}", durable=True).fresh()
        await migrate(context, url)
        database = Database(url, deadline_seconds=_DEADLINE)
        try:
            yield database
        finally:
            await database.dispose()
