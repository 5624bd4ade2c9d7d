"""What is written beside the requests and not in them: gathered, written in batches, in nobody's way.

While the store is down it waits, up to a bound; what comes beyond that is given up, counted and logged.
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
"""More are dropped, the newest first."""
BATCH = 200
"""Written in one transaction."""
GATHER_FOR = 0.25
"""Seconds for which a batch is gathered: with the time that its transaction takes, less than half a second."""
PAUSE = 1.0
"""Seconds before a batch that could not be written is tried again."""
END_WITHIN = 2.0
"""Seconds for what is left when the process ends; beside them, the last transaction has its own deadline."""
_LAST_TRIES_EVERY = 0.1
"""Seconds between two tries then."""

_log = structlog.get_logger(__name__)


class WriteBehindQueue(ABC, Generic[Item]):
    """What is still to be written."""

    def __init__(self, name: str, called: str, registry: CollectorRegistry, *, tries_to_the_end: bool = False) -> None:
        """
        Args:
            name: Of its metrics.
            called: What it is, for people.
            registry: Of the process's metrics.
            tries_to_the_end: Whether a store that is down is tried again when the process ends.
        """
        self._called = called
        self._tries_to_the_end = tries_to_the_end
        self._waiting: deque[Item] = deque()
        self._reserved = 0
        """Places that are kept for items to come."""
        self._some = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = False
        self._full = False
        self._refusing = False
        """The store took nothing of the last batch, although it answered."""
        self._dropped = Counter(
            f"{name}_dropped", f"{called} that were dropped without being written", registry=registry
        )
        waiting = Gauge(f"{name}_waiting", f"{called} that wait to be written", registry=registry)
        waiting.set_function(lambda: len(self._waiting))

    @abstractmethod
    async def write(self, batch: Sequence[Item]) -> None:
        """Write a batch, all or none of it; an item that is written again counts once.

        Raises:
            StoreUnavailable: it may be tried again.
        """

    def refused(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return those of the items that are tried again after the store has refused each of them by itself.

        As it comes none: they are given up, and hold up nothing else.
        """
        self._dropped.inc(len(items))
        return ()

    def add(self, item: Item, *, most: int | None = None) -> None:
        """Have an item written, some time soon if possible; with `most`, only while less than that waits."""
        if self._ended or self._taken >= (MOST_WAITING if most is None else most):
            self._drop(1)
            return
        self._waiting.append(item)
        self._some.set()

    def reserve(self) -> bool:
        """Keep a place for an item to come, unless too many wait. Call `give_back` right before the item is added."""
        if self._ended or self._taken >= MOST_WAITING:
            return False
        self._reserved += 1
        return True

    def give_back(self) -> None:
        """Keep a place no longer."""
        self._reserved -= 1

    def waiting(self) -> Iterable[Item]:
        """Return what is still to be written."""
        return iter(self._waiting)

    async def run(self) -> None:
        """Write what waits, until stopped; then what is left, as far as the store takes it in time."""
        while not self._stopping.is_set():
            await self._some.wait()
            await self._pause(GATHER_FOR)
            if not await self._write_all():
                await self._pause(PAUSE)
        await self._end()

    def stop(self) -> None:
        """Let `run` come to its end. It is not canceled: a database may be at work for it."""
        self._stopping.set()
        self._some.set()

    @property
    def _taken(self) -> int:
        return len(self._waiting) + self._reserved

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _end(self) -> None:
        """Write what is left, and what requests that are being broken off still add; give up the rest, and log that."""
        until = monotonic() + END_WITHIN
        while not await self._write_all(until) or self._reserved:
            if not self._tries_to_the_end or monotonic() >= until:
                break
            await asyncio.sleep(_LAST_TRIES_EVERY)
        self._ended = True
        if lost := len(self._waiting):
            self._dropped.inc(lost)
            self._waiting.clear()
            _log.error("lost: the process ended before these were written", what=self._called, number=lost)

    async def _write_all(self, until: float = float("inf")) -> bool:
        while self._waiting:
            if not await self._write() or monotonic() >= until:
                break
        return not self._waiting

    async def _write(self) -> bool:
        # A store that refuses everything is asked for one thing at a time, until it takes one.
        batch = list(islice(self._waiting, 1 if self._refusing else BATCH))
        try:
            refused = await self._put(batch)
        except StoreUnavailable:
            _log.debug(
                "waiting to be written: the store does not answer", what=self._called, waiting=len(self._waiting)
            )
            return False
        for _ in batch:
            self._waiting.popleft()
        again = self.refused(refused)
        self._waiting.extend(again)
        self._refusing = len(again) == len(batch)
        self._full = False
        if not self._waiting and not self._stopping.is_set():
            self._some.clear()
        return not self._refusing

    async def _put(self, batch: Sequence[Item]) -> list[Item]:
        """Write them together, or each by itself where the store refuses that; return those that it refuses."""
        try:
            await self.write(batch)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it would be the same again
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
            # Once, not for each.
            self._full = True
            _log.error("dropped: too many wait to be written", what=self._called)
        self._dropped.inc(items)
