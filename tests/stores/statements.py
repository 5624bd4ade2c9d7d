"""What a database receives, and what is left of it if whoever sends it is stopped."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from stores.common.database import Database
from stores.migration import METADATA

COMMIT = "COMMIT"


class Stopped(Exception):
    """Whoever uses a database was stopped."""


@contextmanager
def statements(engine: Engine | type[Engine]) -> Iterator[list[str]]:
    """Collect the statements that a database receives."""
    said: list[str] = []

    def note(*told: Any) -> None:
        said.append(" ".join(told[2].split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def stopped_before_each_statement(
    database: Database, context: str, act: Callable[[], Awaitable[object]]
) -> list[str]:
    """Do something that is stopped before each of its statements and commits in turn, and at last not any more.

    It asserts that all tables of the context are as before, wherever it was stopped.

    Returns:
        The statements and commits.
    """
    before = await _contents(database, context)
    stops = 0
    while True:
        with _stopped_before(stops) as received:
            try:
                await act()
            except Stopped:
                stops += 1
            else:
                return received
        assert await _contents(database, context) == before, f"something was left of {received}"


async def _contents(database: Database, context: str) -> dict[str, Sequence[Any]]:
    async with database.reading() as connection:
        return {
            table.name: (await connection.execute(select(table).order_by(*table.primary_key))).all()
            for table in METADATA[context].sorted_tables
        }


@contextmanager
def _stopped_before(number: int) -> Iterator[list[str]]:
    """Stop whoever uses a database before one of its statements or commits. It yields those before it."""
    received: list[str] = []

    def receive(statement: str) -> None:
        if len(received) == number:
            raise Stopped
        received.append(statement)

    def executes(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        receive(statement)

    async def commit(connection: AsyncConnection) -> None:
        receive(COMMIT)
        await committed(connection)

    committed = AsyncConnection.commit
    event.listen(Engine, "before_cursor_execute", executes)
    try:
        with patch.object(AsyncConnection, "commit", commit):
            yield received
    finally:
        event.remove(Engine, "before_cursor_execute", executes)
