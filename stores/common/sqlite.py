"""SQLite through aiosqlite, with one switch to its thread for each statement instead of four."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from threading import Thread, current_thread
from time import monotonic, sleep
from typing import Any

import aiosqlite

READING = ("PRAGMA query_only=ON",)
_WRITE_AHEAD = "PRAGMA journal_mode=WAL"
WRITING = (
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    # Overwrites with zeros what is deleted, which may be personal data.
    "PRAGMA secure_delete=ON",
    # KiB. In the usual 2 MB, the pages of some hundred orders and their indexes push each other out.
    "PRAGMA cache_size=-16384",
)


_BETWEEN_TRIES = 0.02
_KIND = 0xFF
"""The bits of an extended error code that tell which kind of error it is."""


def make_private(path: str | os.PathLike[str]) -> None:
    """Create a file for its owner alone, unless it exists. SQLite gives the files beside it the same mode."""
    with suppress(OSError):  # SQLite itself says better why a file cannot be used
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def discard_log(path: str, *, busy_seconds: float) -> bool:
    """Move the write-ahead log of a database into the database, and empty it. Blocks the thread.

    The log keeps what later transactions have overwritten. Returns whether it could be emptied: others may use it.
    SQLite itself waits for those who read or write, but not for somebody else who empties the log.
    """
    ends = monotonic() + busy_seconds
    with closing(sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)) as connection:
        while True:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            left = ends - monotonic()
            if not busy or left <= 0:
                return not busy
            sleep(min(_BETWEEN_TRIES, left))
            connection.execute(f"PRAGMA busy_timeout={max(int(left * 1000), 1)}")


async def connect(path: str, *, writing: bool, busy_seconds: float) -> "Connection":
    """Open a connection for writing, or for reading only.

    A writing connection begins each transaction with BEGIN IMMEDIATE at its first statement, so that it holds the lock
    before it reads. A reading connection needs no transaction, because each statement sees one state of the database.
    """
    threads: list[Thread] = []

    def opened() -> sqlite3.Connection:
        threads.append(current_thread())
        make_private(path)
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, factory=FetchingConnection)
        if writing:
            _write_ahead(connection, busy_seconds)
        for pragma in WRITING if writing else READING:
            connection.execute(pragma)
        connection.begin = "BEGIN IMMEDIATE" if writing else None
        return connection

    connection = _with_daemon_thread(lambda: Connection(opened, iter_chunk_size=64))
    try:
        await connection
    except sqlite3.Error:
        # The ending thread notifies the event loop, which may close soon. So wait for the thread.
        threads[0].join()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Use a write-ahead log, which the file remembers.

    SQLite itself does not wait for others who use a new file meanwhile: the connection reads the file already, and two
    that read and wait for each other would never end.
    """
    ends = monotonic() + busy_seconds
    while True:
        try:
            connection.execute(_WRITE_AHEAD)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _KIND != sqlite3.SQLITE_BUSY or monotonic() >= ends:
                raise
            sleep(_BETWEEN_TRIES)
        else:
            return


def _with_daemon_thread(make: "Callable[[], Connection]") -> "Connection":
    """Make a connection whose thread does not keep the process alive, even if its statement never ends.

    A thread is a daemon if the thread that creates it is one.
    """
    made: list[Connection] = []
    maker = Thread(target=lambda: made.append(make()), daemon=True)
    maker.start()
    maker.join()
    return made[0]


class Fetched:
    """The result of a statement: its rows, and the other attributes of its cursor."""

    __slots__ = ("description", "lastrowid", "rowcount", "rows")

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        try:
            self.description: Any = cursor.description
            self.rows: list[Any] = cursor.fetchall() if self.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    def fetchall(self) -> "Fetched":
        """Return the result itself. Its rows are already fetched."""
        return self


class FetchingConnection(sqlite3.Connection):
    """A connection that executes a statement, fetches its rows and closes its cursor in one call.

    If `begin` is set, it begins a transaction before a statement that is in none.
    """

    begin: str | None = None

    def execute(self, sql: str, parameters: Any = ()) -> Fetched:  # type: ignore[override]
        """Run a statement and fetch all of its rows."""
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
        """Stop the thread. Repeated calls return the same future, because a second request would not be answered."""
        if self._end is None:
            self._end = super().stop()
        return self._end

    def cursor(self) -> Any:
        """Return a cursor. It is made without a switch to the thread."""
        return Cursor(self)

    async def rollback(self) -> None:
        """Roll back, if a transaction is open."""
        if self.in_transaction:
            await super().rollback()


class Cursor:
    """The part of the cursor interface that SQLAlchemy uses."""

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
        """Run a statement and fetch all of its rows."""
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
        """Return the rows, which are already fetched."""
        return self.rows

    async def close(self) -> None:
        """Do nothing: the cursor holds no resources."""
