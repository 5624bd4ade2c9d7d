"""The database of one context. Its URL selects SQLite, PostgreSQL, MySQL or MariaDB; only this module knows which."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from secrets import SystemRandom
from typing import Any, TypeVar

from sqlalchemy import URL, exc, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from domain.common.errors import StoreUnavailable
from stores.common import sqlite
from stores.common.driver_errors import gave_way, is_there_already
from stores.common.pool import FOR_PROBES, Pool

Answer = TypeVar("Answer")

SQLITE, POSTGRESQL, MYSQL = "sqlite", "postgresql", "mysql"
_DRIVERS = {
    SQLITE: "sqlite+aiosqlite",
    POSTGRESQL: "postgresql+psycopg",
    MYSQL: "mysql+aiomysql",
    "mariadb": "mysql+aiomysql",
}
_READ_CONNECTIONS = 4
_TRIES = 3
"""Tries of work whose insert conflicts: another transaction may have inserted the row, or the work does so twice."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.4
"""The first and the longest pause between two tries, in seconds, before jitter."""
_RECYCLE_SECONDS = 1800
_BUSY = 0.8
"""The fraction of a use's deadline for which SQLite waits for others who use the file."""


def driver_url(url: str) -> URL:
    """Return the URL with the driver that this project uses, whichever driver the given URL names.

    Raises:
        ValueError: this is not a URL, or not the URL of a supported database.
    """
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.get_backend_name()]
    except (exc.ArgumentError, KeyError):
        raise ValueError("a database URL has to begin with sqlite:///, postgresql://, mysql:// or mariadb://") from None
    if driver == _DRIVERS[SQLITE] and parsed.database in (None, "", ":memory:"):
        raise ValueError("a SQLite URL has to name a file: sqlite:///relative/path or sqlite:////absolute/path")
    if driver == _DRIVERS[MYSQL]:
        parsed = parsed.update_query_dict({"charset": "utf8mb4"})
    return parsed.set(drivername=driver)


class Database:
    """Runs transactions on a database. Each use has a deadline, after which the database counts as unavailable.

    The constructor does not connect. The object belongs to the event loop that first uses it.
    """

    def __init__(
        self, url: str, *, name: str | None = None, deadline_seconds: float = 3.0, pool_size: int = 10
    ) -> None:
        """Create a database that is not connected yet.

        Args:
            url: The URL of the database.
            name: The context that it belongs to, for messages.
            deadline_seconds: The deadline of each use.
            pool_size: The largest number of connections. SQLite has its own.

        Raises:
            ValueError: this is not the URL of a supported database.
        """
        self.url = driver_url(url)
        self.dialect = self.url.get_backend_name()
        self._name = f"{name} ({self.dialect})" if name else self.dialect
        self._deadline = deadline_seconds
        if self.dialect == SQLITE:
            self._reader = self._sqlite_pool(writing=False, connections=_READ_CONNECTIONS)
            # One connection: the writers of a process queue here, instead of polling the lock of the file.
            self._writer = self._sqlite_pool(writing=True, connections=1)
        else:
            self._reader = self._writer = self._server_pool(pool_size)

    def refusing(self) -> bool:
        """Return whether the database is known to hang, so that every use is refused until it answers again."""
        return self._reader.refusing or self._writer.refusing

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a read-only connection. Each statement sees what is committed when it begins.

        Raises:
            StoreUnavailable: the database does not answer in time, or is known to hang.
        """
        async with self._reader.use(), self._reader.connection() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction. It is committed at the end of the block, unless the block raises.

        Raises:
            StoreUnavailable: the database does not answer in time. The transaction may have been committed.
        """
        async with self._writer.use(), self._writer.connection() as connection:
            yield connection
            await connection.commit()

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        """Run work in a transaction. After a conflict with another transaction, run it again, until the deadline.

        The work may therefore insert a row that it has not found: if another transaction inserts it at the same time,
        the work runs again and finds it. The work itself has to lock the rows that it reads (FOR UPDATE).

        Raises:
            StoreUnavailable: as `writing`.
        """
        async with self._writer.use():
            tries, pause = 0, _FIRST_PAUSE
            while True:
                try:
                    return await self._transaction(work)
                except exc.DBAPIError as error:
                    tries += 1
                    if not (gave_way(error) or (is_there_already(error) and tries < _TRIES)):
                        raise
                # Without a pause, it would take the locks again before the other transaction wakes up.
                await asyncio.sleep(SystemRandom().uniform(pause / 4, pause))
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def discard_overwritten(self) -> None:
        """Remove from the files of SQLite what was overwritten or deleted. Servers do this by themselves.

        Raises:
            StoreUnavailable: others have used the files until the deadline. What they keep can be discarded later.
        """
        if self.dialect != SQLITE:
            return
        path = self.url.database or ""
        async with self._writer.use():
            if not await asyncio.to_thread(sqlite.discard_log, path, busy_seconds=self._deadline * _BUSY):
                raise StoreUnavailable(f"{self._name} is in use")

    async def ping(self) -> None:
        """Check that the database answers.

        Raises:
            StoreUnavailable: the database does not answer in time.
        """
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def dispose(self) -> None:
        """Close every connection."""
        await self._reader.dispose()
        await self._writer.dispose()

    async def _transaction(self, work: Callable[[AsyncConnection], Awaitable[Answer]]) -> Answer:
        async with self._writer.connection() as connection:
            answer = await work(connection)
            await connection.commit()
            return answer

    def _sqlite_pool(self, *, writing: bool, connections: int) -> Pool:
        path = self.url.database or ""
        connect = partial(sqlite.connect, path, writing=writing, busy_seconds=self._deadline * _BUSY)
        return self._pool(connections, async_creator=connect)

    def _server_pool(self, connections: int) -> Pool:
        return self._pool(
            connections,
            connect_args=_session_limits(self.url, self._deadline),
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_recycle=_RECYCLE_SECONDS,
        )

    def _pool(self, connections: int, **options: Any) -> Pool:
        size = connections + FOR_PROBES
        # Without parameters, the text of an error contains no personal data.
        engine = create_async_engine(self.url, hide_parameters=True, max_overflow=0, pool_size=size, **options)
        return Pool(engine, self._name, connections=connections, deadline=self._deadline)


def _session_limits(url: URL, deadline: float) -> dict[str, Any]:
    """Return driver options that make the server end abandoned statements, and free the locks of a hanging client."""
    if url.get_backend_name() == POSTGRESQL:
        milliseconds = math.ceil(deadline * 1000)
        limits = {"statement_timeout": milliseconds, "idle_in_transaction_session_timeout": 3 * milliseconds}
        own = " ".join(f"-c {name}={value}" for name, value in limits.items())
        return {"options": f"{own} {url.query.get('options', '')}".strip()}
    seconds = math.ceil(deadline)
    mariadb_only = f"/*M! , max_statement_time={seconds}, idle_transaction_timeout={3 * seconds} */"
    return {"init_command": f"SET SESSION innodb_lock_wait_timeout={seconds} {mariadb_only}"}
