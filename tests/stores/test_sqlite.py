"""The connection to a SQLite file: what the pool relies on, built on aiosqlite's public interface."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from stores.common import sqlite


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[sqlite.Connection]:
    opened = await sqlite.connect(str(tmp_path / "file.db"), writing=True, busy_seconds=1)
    await opened.cursor().execute("CREATE TABLE pair (one INTEGER PRIMARY KEY, two TEXT)")
    await opened.commit()
    yield opened
    await opened.close()


async def test_a_statement_and_its_rows_take_one_answer_of_the_thread(
    connection: sqlite.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, answers = asyncio.get_running_loop(), 0
    wake = loop.call_soon_threadsafe

    def counted(*arguments: object) -> object:
        nonlocal answers
        answers += 1
        return wake(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)

    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO pair VALUES (?, ?)", [(1, "a"), (2, "b")])
    assert (answers, cursor.rowcount, cursor.description) == (1, 2, None)

    await cursor.execute("INSERT INTO pair (two) VALUES (?)", ("c",))
    assert (answers, cursor.rowcount, cursor.lastrowid) == (2, 1, 3)

    await cursor.execute("SELECT one, two FROM pair WHERE one > ? ORDER BY one", (1,))
    assert await cursor.fetchall() == [(2, "b"), (3, "c")]
    assert [column[0] for column in cursor.description] == ["one", "two"]
    await cursor.close()
    assert answers == 3


async def test_a_new_file_is_opened_by_several_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "new.db")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        pauses = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 2:
                other.execute("ROLLBACK")

        monkeypatch.setattr(sqlite, "sleep", pause)

        opened = await sqlite.connect(path, writing=True, busy_seconds=600)

    cursor = opened.cursor()
    await cursor.execute("PRAGMA journal_mode")
    assert (cursor.rows, len(pauses)) == ([("wal",)], 2)
    await opened.close()


async def test_who_holds_a_new_file_for_too_long_is_not_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "new.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await sqlite.connect(path, writing=True, busy_seconds=0.1)


def modes_in(directory: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()}


async def test_its_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        opened = await sqlite.connect(str(tmp_path / "new.db"), writing=True, busy_seconds=1)
        await opened.cursor().execute("CREATE TABLE pair (one INTEGER PRIMARY KEY, two TEXT)")
        await opened.commit()
        modes = modes_in(tmp_path)
        await opened.close()
    finally:
        os.umask(before)

    assert modes == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), 0o600)


async def test_what_is_deleted_is_overwritten(connection: sqlite.Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("PRAGMA secure_delete")
    assert cursor.rows == [(1,)]


async def test_only_one_that_writes_begins_a_transaction(connection: sqlite.Connection, tmp_path: Path) -> None:
    reading = await sqlite.connect(str(tmp_path / "file.db"), writing=False, busy_seconds=1)
    for opened, begins in ((connection, True), (reading, False)):
        await opened.cursor().execute("SELECT 1")
        assert opened.in_transaction is begins
        await opened.rollback()
    await reading.close()


async def test_a_statement_that_fails_leaves_the_connection_usable(connection: sqlite.Connection) -> None:
    cursor = connection.cursor()
    await cursor.execute("INSERT INTO pair VALUES (1, 'a')")
    with pytest.raises(sqlite3.IntegrityError):
        await cursor.execute("INSERT INTO pair VALUES (1, 'b')")
    await connection.rollback()
    await cursor.execute("SELECT * FROM pair")
    assert await cursor.fetchall() == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads that the test starts, or that these start. Servers of other tests start theirs meanwhile."""
    test, noted, start = threading.current_thread(), list[threading.Thread](), threading.Thread.start

    def note(thread: threading.Thread) -> None:
        if threading.current_thread() in (test, *noted):
            noted.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    return noted


async def test_its_thread_does_not_keep_the_process(started: list[threading.Thread], tmp_path: Path) -> None:
    connection = await sqlite.connect(str(tmp_path / "file.db"), writing=True, busy_seconds=1)
    (thread,) = (thread for thread in started if thread.is_alive())
    assert thread.daemon

    await connection.close()
    await asyncio.to_thread(thread.join)


async def test_a_connection_that_is_not_made_leaves_no_thread(started: list[threading.Thread], tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await sqlite.connect(str(tmp_path / "nowhere" / "file.db"), writing=True, busy_seconds=1)
    assert started
    assert not [thread for thread in started if thread.is_alive()]
