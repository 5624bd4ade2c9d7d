"""Wakes up the requests that wait for the next event. The process looks at the log once, for all of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog
from prometheus_client import CollectorRegistry, Gauge

from api.http.seats import Seats
from domain.common.errors import StoreUnavailable
from stores.event_delivery.log import EventLog

LOOK_EVERY = 0.25
"""Seconds between two polls, while somebody waits."""
LONGEST_WAIT = 25.0
"""Seconds for which one request may wait."""
PAUSE = 1.0
"""Seconds before a log that did not answer is polled again."""
MOST_WAITING = 1000
"""The largest number of requests of one process that wait."""

_log = structlog.get_logger(__name__)


class LogWatch:
    """The newest position of the log, for those who wait for it to move."""

    def __init__(self, log: EventLog, registry: CollectorRegistry, *, most_of_one: int = 0) -> None:
        """Create a watch for which nobody waits.

        Args:
            log: The log.
            registry: The registry of the process's metrics.
            most_of_one: The largest number of requests of one client that wait. 0: no limit.
        """
        self._log = log
        self._last = 0
        self._stopped = False
        self._moved = asyncio.Condition()
        self._waiting = Seats("requests that wait for events", most=MOST_WAITING, most_of_one=most_of_one)
        waiting = Gauge("event_log_readers_waiting", "Requests that wait for the next event", registry=registry)
        waiting.set_function(self._waiting.total)

    @property
    def stopped(self) -> bool:
        """Whether nobody should wait any longer, because the process stops."""
        return self._stopped

    @asynccontextmanager
    async def seat(self, client: str) -> AsyncIterator[None]:
        """Reserve a place for a request that may wait.

        Raises:
            TooManyRequests: the client has as many of them as one may have.
            NoAnswerInTime: the process has as many of them as it may have.
        """
        with self._waiting.taken_by(client):
            await self._wake()
            yield

    async def beyond(self, position: int, *, within: float) -> None:
        """Wait until the log has moved beyond a position, so many seconds have passed, or the process stops.

        Whoever waits has a seat.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait_for(lambda: self._stopped or self._last > position)

    async def run(self) -> None:
        """Look at the log while somebody waits, until stopped."""
        while True:
            async with self._moved:
                await self._moved.wait_for(lambda: self._waiting.total() > 0 or self._stopped)
            if self._stopped:
                return
            try:
                last = await self._log.last()
            except StoreUnavailable:
                _log.debug("the log of events does not answer; trying again")
                await self._pause(PAUSE)
                continue
            if last != self._last:
                self._last = last
                await self._wake()
            await self._pause(LOOK_EVERY)

    async def stop(self) -> None:
        """Let everybody go on who waits, and let `run` end."""
        self._stopped = True
        await self._wake()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self._stopped)

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()
