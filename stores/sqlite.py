"""SQLite by way of aiosqlite, with one hop to its thread for each statement instead of four."""

import asyncio
import sqlite3
from collections.abc import Iterable
from typing import Any

import aiosqlite

READING = ("PRAGMA query_only=ON",)
WRITING = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "PRAGMA foreign_keys=ON")


async def connect(path: str, *, writing: bool, busy_seconds: float) -> "Connection":
    """A connection that writes or only reads.

    One that writes begins its transactions at its first statement with BEGIN IMMEDIATE: whoever reads to decide has
    the lock by then. One that only reads needs no transaction, for each statement sees one state of the database.
    """

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
        for pragma in WRITING if writing else READING:
            connection.execute(pragma).close()
        return connection

    connection = Connection(opened, begin="BEGIN IMMEDIATE" if writing else None)
    # A thread whose statement does not end must not keep the process.
    connection._thread.daemon = True
    try:
        await connection
    except sqlite3.Error:
        # The thread is ending, and tells the event loop so: that may not be there for much longer.
        connection._thread.join()
        raise
    return connection


class Connection(aiosqlite.Connection):
    """An aiosqlite connection whose cursors fetch at once, in the thread, whatever their statement gives."""

    def __init__(self, connector: Any, *, begin: str | None) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self.begin = begin
        self._end: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """Have the thread end; done when it has. However often it is told: nobody would answer the second time."""
        if self._end is None:
            self._end = super().stop()
        return self._end

    def cursor(self) -> Any:
        """A cursor, made without asking the thread."""
        return Cursor(self)

    async def run(self, cursor: "Cursor", method: str, sql: str, parameters: Any) -> None:
        """Execute in the thread, in a transaction if this connection writes."""
        in_thread: Any = self._execute
        await in_thread(self._run, cursor, method, sql, parameters)

    def _run(self, cursor: "Cursor", method: str, sql: str, parameters: Any) -> None:
        if self.begin is not None and not self._conn.in_transaction:
            self._conn.execute(self.begin).close()
        executed: sqlite3.Cursor = getattr(self._conn, method)(sql, parameters)
        try:
            cursor.description = executed.description
            cursor.rows = executed.fetchall() if executed.description else []
            cursor.rowcount, cursor.lastrowid = executed.rowcount, executed.lastrowid
        finally:
            executed.close()

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
        await self._connection.run(self, "execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "Cursor":
        """Run a statement once for each set of parameters."""
        await self._connection.run(self, "executemany", sql, parameters)
        return self

    async def fetchall(self) -> list[Any]:
        """The rows, which are here already."""
        return self.rows

    async def close(self) -> None:
        """Nothing is held."""
