"""A write-behind queue: items are collected, and written to a store in batches, without delaying the requests.

While the store is down, items wait, up to a limit. Items beyond the limit are dropped, counted and logged.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Generic, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from domain.common.errors import StoreUnavailable

Item = TypeVar("Item")

MOST_WAITING = 10_000
"""The largest number of waiting items by default. New items beyond it are dropped."""
BATCH = 200
"""The largest number of items that are written in one transaction."""
GATHER_FOR = 0.25
"""Seconds for which a batch is collected, from its first item on. With its transaction, less than half a second."""
PAUSE = 1.0
"""Seconds before a failed batch is retried."""
END_WITHIN = 2.0
"""Seconds to write the remaining items when the process ends. The last transaction also has its own deadline."""
_LAST_TRIES_EVERY = 0.1
"""Seconds between two tries when the process ends."""

_log = structlog.get_logger(__name__)


class WriteBehindQueue(ABC, Generic[Item]):
    """A queue of items that are not written yet."""

    def __init__(self, name: str, called: str, registry: CollectorRegistry, *, retries_at_end: bool = False) -> None:
        """Create an empty queue.

        Args:
            name: The prefix of its metrics.
            called: The name of the items, for messages.
            registry: The registry of the process's metrics.
            retries_at_end: Whether writes are retried at the end of the process while the store is down.
        """
        self._called = called
        self._retries_at_end = retries_at_end
        self._waiting: deque[Item] = deque()
        self._reserved = 0
        """The number of places reserved for future items."""
        self._has_items = asyncio.Event()
        self._gathering_since: float | None = None
        """When the first item came of the batch that is collected."""
        self._stopping = asyncio.Event()
        self._ended = False
        self._full = False
        self._refusing = False
        """Whether the store answered, but refused all of the last batch."""
        self._to_retry = False
        """Whether the store has refused some items that are to be retried."""
        self._dropped = Counter(
            f"{name}_dropped", f"{called} that were dropped without being written", registry=registry
        )
        waiting = Gauge(f"{name}_waiting", f"{called} that wait to be written", registry=registry)
        waiting.set_function(lambda: len(self._waiting))

    @abstractmethod
    async def write(self, batch: Sequence[Item]) -> None:
        """Write a batch, all or none of it. An item that is written again must not count twice.

        Raises:
            StoreUnavailable: the batch may be retried.
        """

    def refused(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items to retry, after the store has refused each of them individually.

        The default is none: the items are dropped, and do not block others.
        """
        self._dropped.inc(len(items))
        return ()

    @property
    def capacity(self) -> int:
        """The largest number of waiting items."""
        return MOST_WAITING

    def next_batch(self) -> list[Item]:
        """Return the waiting items to write in the next transaction, the oldest first: at least one."""
        return list(islice(self._waiting, BATCH))

    def add(self, item: Item, *, most: int | None = None) -> bool:
        """Add an item to be written soon, or drop it if `most` items (by default all that may) wait already.

        Returns:
            Whether it was added.
        """
        if self._ended or self._taken >= (self.capacity if most is None else most):
            self._drop(1)
            return False
        self._waiting.append(item)
        if self._gathering_since is None:
            self._gathering_since = monotonic()
        self._has_items.set()
        return True

    def reserve(self) -> bool:
        """Reserve a place for a future item, unless too many wait. Call `give_back` right before adding the item."""
        if self._ended or self._taken >= self.capacity:
            return False
        self._reserved += 1
        return True

    def give_back(self) -> None:
        """Give back a reserved place."""
        self._reserved -= 1

    def waiting(self) -> Iterable[Item]:
        """Return the items that wait to be written."""
        return iter(self._waiting)

    async def run(self) -> None:
        """Write waiting items until stopped. Then write the rest, as far as the store takes it in time."""
        while not self._stopping.is_set():
            await self._has_items.wait()
            await self._gather()
            if not await self._write_gathered():
                await self._pause(PAUSE)
        await self._end()

    def stop(self) -> None:
        """Let `run` end. It is not canceled, because a database may be working for it."""
        self._stopping.set()
        self._has_items.set()

    @property
    def _taken(self) -> int:
        return len(self._waiting) + self._reserved

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _end(self) -> None:
        """Write what is left, and what interrupted requests still add. Drop the rest, and log that."""
        until = monotonic() + END_WITHIN
        while not await self._write_all(until) or self._reserved:
            if not self._retries_at_end or monotonic() >= until:
                break
            await asyncio.sleep(_LAST_TRIES_EVERY)
        self._ended = True
        if lost := len(self._waiting):
            self._dropped.inc(lost)
            self._waiting.clear()
            _log.error("lost: the process ended before these were written", what=self._called, number=lost)

    async def _gather(self) -> None:
        now = monotonic()
        since = now if self._gathering_since is None else self._gathering_since
        await self._pause(since + GATHER_FOR - now)
        self._gathering_since = None

    async def _write_gathered(self) -> bool:
        """Write the items that wait by now. Those that come meanwhile are gathered: else batches would be small.

        Returns whether the store has taken them, so that nothing is to be retried.
        """
        left, self._to_retry = len(self._waiting), False
        while left > 0:
            written = await self._write()
            if not written:
                return False
            left -= written
        return not self._to_retry

    async def _write_all(self, until: float) -> bool:
        while self._waiting:
            if not await self._write() or monotonic() >= until:
                break
        return not self._waiting

    async def _write(self) -> int:
        """Write the next batch. Return its size, or 0 if the store takes nothing for now."""
        # While the store refuses everything, try single items, until it takes one.
        batch = [self._waiting[0]] if self._refusing else self.next_batch()
        try:
            refused = await self._put(batch)
        except StoreUnavailable:
            _log.debug(
                "waiting to be written: the store does not answer", what=self._called, waiting=len(self._waiting)
            )
            return 0
        for _ in batch:
            self._waiting.popleft()
        again = self.refused(refused)
        self._waiting.extend(again)
        self._to_retry |= bool(again)
        self._refusing = len(again) == len(batch)
        self._full = False
        if not self._waiting and not self._stopping.is_set():
            self._has_items.clear()
            self._gathering_since = None
        return 0 if self._refusing else len(batch)

    async def _put(self, batch: Sequence[Item]) -> list[Item]:
        """Write the items together, or individually if the store refuses that. Returns those that it refuses."""
        try:
            await self.write(batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - any such error would occur again
            if len(batch) == 1:
                _log.warning("not written: the store refused it", what=self._called, error=type(error).__qualname__)
                return [*batch]
            refused = []
            for item in batch:
                refused += await self._put([item])
            return refused
        return []

    def _drop(self, items: int) -> None:
        if not self._full:
            # Log once, not for each item.
            self._full = True
            _log.error("dropped: too many wait to be written", what=self._called)
        self._dropped.inc(items)
