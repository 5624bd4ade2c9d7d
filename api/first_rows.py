"""The first row of each order in the managers' view, written when the order is taken: at best effort, in nobody's way.

Managers see an order so while every worker is down; the saga's own projection is what counts.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from domain.errors import StoreUnavailable
from domain.orders import Order
from stores.order_status import OrderStatusStore

MOST_WAITING = 10_000
"""Orders; more are dropped, the newest first."""
BATCH = 200
"""Orders written in one transaction."""
GATHER_FOR = 0.5
"""Seconds for which a batch is gathered."""
PAUSE = 1.0
"""Seconds before a batch that could not be written is tried again."""

_log = structlog.get_logger(__name__)


class FirstRows:
    """Orders whose first row is still to be written."""

    def __init__(self, store: OrderStatusStore, registry: CollectorRegistry) -> None:
        self._store = store
        self._waiting: deque[Order] = deque()
        self._some = asyncio.Event()
        self._stopping = asyncio.Event()
        self._dropped = Counter("first_rows_dropped", "First rows that were given up", registry=registry)
        self._events = Counter("orders_events", "Events of orders, when first stored", ("event",), registry=registry)
        waiting = Gauge("first_rows_waiting", "First rows still to be written", registry=registry)
        waiting.set_function(lambda: len(self._waiting))

    def add(self, order: Order) -> None:
        """Have the first row of an order written, some time soon if possible."""
        if len(self._waiting) >= MOST_WAITING:
            self._dropped.inc()
            return
        self._waiting.append(order)
        self._some.set()

    async def run(self) -> None:
        """Write what waits, until stopped; then once more what is left, and give up the rest."""
        while not self._stopping.is_set():
            await self._some.wait()
            await self._pause(GATHER_FOR)
            if not await self._write():
                await self._pause(PAUSE)
        while self._waiting and await self._write():
            pass
        self._dropped.inc(len(self._waiting))

    def stop(self) -> None:
        """Let `run` come to its end. It is not cancelled: a database may be at work for it."""
        self._stopping.set()
        self._some.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _write(self) -> bool:
        batch = list(islice(self._waiting, BATCH))
        try:
            await self._put(batch)
        except StoreUnavailable:
            _log.debug("first rows wait for the read model", waiting=len(self._waiting))
            return False
        for _ in batch:
            self._waiting.popleft()
        if not self._waiting and not self._stopping.is_set():
            self._some.clear()
        return True

    async def _put(self, batch: Sequence[Order]) -> None:
        """Write them together; what the store will not have is given up, and holds up nothing else."""
        try:
            for entry in await self._store.put(batch):
                self._events.labels(entry.event).inc()
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it would be the same again
            if len(batch) == 1:
                _log.warning("a first row was refused", error=type(error).__qualname__)
                self._dropped.inc()
                return
            for order in batch:
                await self._put([order])
