"""The connection pool of one database: a bounded number, a deadline for each use, and a circuit breaker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.common.errors import StoreUnavailable
from stores.common.breaker import Breaker
from stores.common.driver_errors import is_outage

FOR_PROBES = 1
"""Connections of an engine beyond those for uses, reserved for probes."""
_IN_LINE = 0.5
"""The fraction of a use's deadline for which it waits for a connection."""
_PROBE_WITHIN = 0.5
"""The fraction of a use's deadline that a probe may take."""


class Pool:
    """The pool of an engine. The engine connects when it is first used, and belongs to that event loop."""

    def __init__(self, engine: AsyncEngine, name: str, *, connections: int, deadline: float) -> None:
        self._engine = engine
        self._name = name
        self._deadline = deadline
        self._turns = asyncio.Semaphore(connections)
        self._breaker = Breaker(self._name, self._probe)

    @property
    def refusing(self) -> bool:
        """Whether the database is known to hang, so that every use is refused at once."""
        return self._breaker.open

    @asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """Begin a use of the database. Everything in the block, on one connection after the other, has one deadline.

        Raises:
            StoreUnavailable: the database does not answer in time, or is known to hang; or too many uses are waiting
                for a connection.
        """
        ends = asyncio.get_running_loop().time() + self._deadline
        async with self._turn():
            try:
                async with self._answering(ends):
                    yield
            except (StoreUnavailable, asyncio.CancelledError):
                # A caller that gives up before the deadline may also have waited for the database.
                self._breaker.suspect()
                raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection within a use."""
        connection = await self._engine.connect()
        try:
            yield connection
        finally:
            # Not the engine's `async with`: it closes the connection in another task, which no deadline cancels.
            await connection.close()

    async def dispose(self) -> None:
        """Close every connection."""
        await self._breaker.stop()
        await self._engine.dispose()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self._breaker.check()
        try:
            async with asyncio.timeout(self._deadline * _IN_LINE):
                await self._turns.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"{self._name} is overloaded") from None
        try:
            self._breaker.check()
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _answering(self, ends: float) -> AsyncIterator[None]:
        try:
            # A canceled driver asks the server to stop. If the server does not answer that either, only a second
            # cancellation makes the driver give up.
            async with asyncio.timeout_at(ends), asyncio.timeout_at(ends - self._deadline * 0.05):
                yield
        except (OSError, exc.TimeoutError) as error:
            raise StoreUnavailable(f"{self._name} does not answer") from error
        except exc.DBAPIError as error:
            if not is_outage(error):
                raise
            raise StoreUnavailable(f"{self._name} does not answer: {type(error.orig).__name__}") from error

    async def _probe(self) -> None:
        ends = asyncio.get_running_loop().time() + self._deadline * _PROBE_WITHIN
        async with self._answering(ends), self.connection() as connection:
            await connection.execute(text("SELECT 1"))
