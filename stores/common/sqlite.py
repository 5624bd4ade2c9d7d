"""SQLite by way of aiosqlite, with one hop to its thread for each statement instead of four."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from threading import Thread, current_thread
from typing import Any

import aiosqlite

READING = ("PRAGMA query_only=ON",)
WRITING = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")


async def connect(path: str, *, writing: bool, busy_seconds: float) -> "Connection":
    """A connection that writes or only reads.

    One that writes begins its transactions at its first statement with BEGIN IMMEDIATE: whoever reads to decide has
    the lock by then. One that only reads needs no transaction, for each statement sees one state of the database.
    """
    threads: list[Thread] = []

    def opened() -> sqlite3.Connection:
        threads.append(current_thread())
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, factory=FetchingConnection)
        for pragma in WRITING if writing else READING:
            connection.execute(pragma)
        connection.begin = "BEGIN IMMEDIATE" if writing else None
        return connection

    connection = _with_daemon_thread(lambda: Connection(opened, iter_chunk_size=64))
    try:
        await connection
    except sqlite3.Error:
        # The thread is ending, and tells the event loop so: that may not be there for much longer.
        threads[0].join()
        raise
    return connection


def _with_daemon_thread(make: "Callable[[], Connection]") -> "Connection":
    """Make a connection. Its thread, whose statement may not end, must not keep the process.

    A thread is a daemon if the thread that makes it is one.
    """
    made: list[Connection] = []
    maker = Thread(target=lambda: made.append(make()), daemon=True)
    maker.start()
    maker.join()
    return made[0]


class Fetched:
    """What a statement gave: its rows, and what its cursor told besides."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        try:
            self.description: Any = cursor.description
            self.rows: list[Any] = cursor.fetchall() if self.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    def fetchall(self) -> "Fetched":
        """All of it, which is here already."""
        return self


class FetchingConnection(sqlite3.Connection):
    """A connection that executes a statement, fetches its rows and closes its cursor in one call.

    Each statement is in a transaction if `begin` says how one begins.
    """

    begin: str | None = None

    def execute(self, sql: str, parameters: Any = ()) -> Fetched:  # type: ignore[override]
        """Run a statement and fetch all that it gives."""
        self._begin()
        return Fetched(super().execute(sql, parameters))

    def executemany(self, sql: str, parameters: Any) -> Fetched:  # type: ignore[override]
        """Run a statement once for each set of parameters."""
        self._begin()
        return Fetched(super().executemany(sql, parameters))

    def _begin(self) -> None:
        if self.begin is not None and not self.in_transaction:
            super().execute(self.begin).close()


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors have all their rows once they have executed a statement."""

    _end: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """Have the thread end; done when it has. However often it is told: nobody would answer the second time."""
        if self._end is None:
            self._end = super().stop()
        return self._end

    def cursor(self) -> Any:
        """A cursor, made without asking the thread."""
        return Cursor(self)

    async def rollback(self) -> None:
        """Roll back, if there is anything to."""
        if self.in_transaction:
            await super().rollback()


class Cursor:
    """What SQLAlchemy asks of a cursor."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.description: Any = None
        self.rows: list[Any] = []
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> "Cursor":
        """Run a statement and fetch all that it gives."""
        fetched: Any = await self._connection.execute_fetchall(sql, parameters)
        self.rows, self.description = fetched.rows, fetched.description
        self.rowcount, self.lastrowid = fetched.rowcount, fetched.lastrowid
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "Cursor":
        """Run a statement once for each set of parameters."""
        executed = await self._connection.executemany(sql, parameters)
        self.rows, self.description = [], executed.description
        self.rowcount, self.lastrowid = executed.rowcount, executed.lastrowid
        return self

    async def fetchall(self) -> list[Any]:
        """The rows, which are here already."""
        return self.rows

    async def close(self) -> None:
        """Nothing is held."""
