"""What is written beside the requests and not in them: gathered, written in batches, in nobody's way.

While the store is down it waits, up to a bound; what comes beyond that is given up, counted and logged.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from domain.errors import StoreUnavailable

Item = TypeVar("Item")

MOST_WAITING = 10_000
"""More are dropped, the newest first."""
BATCH = 200
"""Written in one transaction."""
GATHER_FOR = 0.5
"""Seconds for which a batch is gathered."""
PAUSE = 1.0
"""Seconds before a batch that could not be written is tried again."""

_log = structlog.get_logger(__name__)


class Batches(ABC, Generic[Item]):
    """What is still to be written."""

    def __init__(self, name: str, called: str, registry: CollectorRegistry) -> None:
        """
        Args:
            name: Of its metrics.
            called: What it is, for people.
            registry: Of the process's metrics.
        """
        self._called = called
        self._waiting: deque[Item] = deque()
        self._some = asyncio.Event()
        self._stopping = asyncio.Event()
        self._full = False
        self._dropped = Counter(f"{name}_dropped", f"{called} that were given up", registry=registry)
        waiting = Gauge(f"{name}_waiting", f"{called} still to be written", registry=registry)
        waiting.set_function(lambda: len(self._waiting))

    @abstractmethod
    async def write(self, batch: Sequence[Item]) -> None:
        """Write a batch, all or none of it; an item that is written again counts once.

        Raises:
            StoreUnavailable: it may be tried again.
        """

    def add(self, item: Item) -> None:
        """Have an item written, some time soon if possible."""
        if len(self._waiting) >= MOST_WAITING:
            self._drop(1)
            return
        self._waiting.append(item)
        self._some.set()

    async def run(self) -> None:
        """Write what waits, until stopped; then once more what is left, and give up the rest."""
        while not self._stopping.is_set():
            await self._some.wait()
            await self._pause(GATHER_FOR)
            if not await self._write_all():
                await self._pause(PAUSE)
        if not await self._write_all():
            self._drop(len(self._waiting))

    def stop(self) -> None:
        """Let `run` come to its end. It is not cancelled: a database may be at work for it."""
        self._stopping.set()
        self._some.set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _write_all(self) -> bool:
        while self._waiting:
            if not await self._write():
                return False
        return True

    async def _write(self) -> bool:
        batch = list(islice(self._waiting, BATCH))
        try:
            await self._put(batch)
        except StoreUnavailable:
            _log.debug("what is to be written waits for its store", what=self._called, waiting=len(self._waiting))
            return False
        for _ in batch:
            self._waiting.popleft()
        self._full = False
        if not self._waiting and not self._stopping.is_set():
            self._some.clear()
        return True

    async def _put(self, batch: Sequence[Item]) -> None:
        """Write them together; what the store will not have is given up, and holds up nothing else."""
        try:
            await self.write(batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it would be the same again
            if len(batch) == 1:
                _log.warning("it was refused by its store", what=self._called, error=type(error).__qualname__)
                self._dropped.inc()
                return
            for item in batch:
                await self._put([item])

    def _drop(self, items: int) -> None:
        if not self._full:
            # Once, not for each.
            self._full = True
            _log.error("too much waits to be written, and is given up", what=self._called)
        self._dropped.inc(items)
