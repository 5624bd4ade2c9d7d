"""The connections to one database: so many and no more, each use with a deadline, and none while the database hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.common.errors import StoreUnavailable
from stores.common.breaker import Breaker
from stores.common.driver_errors import is_outage

FOR_PROBES = 1
"""Connections that an engine has beyond those that are given out."""
_IN_LINE = 0.5
"""Of a use's deadline, so long it waits for its turn at most."""
_PROBE_WITHIN = 0.5
"""Of a use's deadline, so long a probe has."""


class Pool:
    """Of an engine, which connects when it is first used and belongs to that event loop."""

    def __init__(self, engine: AsyncEngine, name: str, *, connections: int, deadline: float) -> None:
        self._engine = engine
        self._name = name
        self._deadline = deadline
        self._turns = asyncio.Semaphore(connections)
        self._breaker = Breaker(self._name, self._probe)

    @property
    def refusing(self) -> bool:
        """The database is known to hang, and every use is refused at once."""
        return self._breaker.open

    @asynccontextmanager
    async def use(self) -> AsyncIterator[None]:
        """A turn at the database: what is done in it, by one connection after the other, is done within the deadline.

        Raises:
            StoreUnavailable: the database does not answer, or not in time, or is known to hang; or so many use it that
                no turn came.
        """
        ends = asyncio.get_running_loop().time() + self._deadline
        async with self._turn():
            try:
                async with self._answering(ends):
                    yield
            except (StoreUnavailable, asyncio.CancelledError):
                # Whoever gives up earlier than the deadline may have waited for it, too.
                self._breaker.suspect()
                raise

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection, within a use."""
        connection = await self._engine.connect()
        try:
            yield connection
        finally:
            # Not its own `async with`: that one closes in a task of its own, which no deadline reaches.
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
            raise StoreUnavailable(f"{self._name} has too much to do") from None
        try:
            self._breaker.check()
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _answering(self, ends: float) -> AsyncIterator[None]:
        try:
            # A driver that is canceled asks the server to stop; if that is silent, too, only being canceled again
            # makes it give up.
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
