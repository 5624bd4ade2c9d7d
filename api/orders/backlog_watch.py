"""Watches whether the orders' workers lag behind: then new orders are started one by one, and do not starve others."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Gauge
from temporalio.service import RPCError

from observability.task_queues import QueueState

LAG = 0.5
"""Seconds for which the oldest task of the queue may wait."""
POLLED_WITHIN = 10.0
"""Seconds. A worker whose last poll is older does not work: while tasks wait, polls end at once."""
LOOK_EVERY = 0.25
"""Seconds between two looks, while orders are started."""
LOOK_COUNTS_FOR = 2.0
"""Seconds for which a look counts, unless another one succeeds."""

_log = structlog.get_logger(__name__)


class BacklogWatch:
    """Looks at the queue of the orders' workers while orders are started."""

    def __init__(
        self,
        look: Callable[[], Awaitable[QueueState]],
        registry: CollectorRegistry,
        now: Callable[[], float] = monotonic,
    ) -> None:
        """Create a watch that has not looked yet.

        Args:
            look: Asks for the state of the queue, within a deadline of its own.
            registry: The registry of the process's metrics.
            now: The clock, in seconds.
        """
        self._look = look
        self._now = now
        self._lagging_until = now()
        self._starting = asyncio.Event()
        self._stopping = asyncio.Event()
        lagging = Gauge(
            "starts_one_by_one",
            "1 while orders are started one by one, because the orders' workers lag behind",
            registry=registry,
        )
        lagging.set_function(self.lagging)

    def lagging(self) -> bool:
        """Return whether workers poll the queue, and lag behind all the same."""
        return self._now() < self._lagging_until

    def order_comes(self) -> None:
        """Report that an order is about to be started."""
        self._starting.set()

    async def run(self) -> None:
        """Look now and then while orders are started, until stopped."""
        while True:
            await self._starting.wait()
            if self._stopping.is_set():
                return
            self._starting.clear()
            await self.look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()
        self._starting.set()

    async def look(self) -> None:
        """Look once. Without an answer, the last look counts, until it is too old."""
        try:
            state = await self._look()
        except (RPCError, RuntimeError, TimeoutError) as error:
            _log.debug("the queue of the orders was not described", error=type(error).__qualname__)
            return
        lagging = state.age > LAG and state.pollers(POLLED_WITHIN) > 0
        self._lagging_until = self._now() + (LOOK_COUNTS_FOR if lagging else 0)
