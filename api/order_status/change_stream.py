"""Tells whoever listens what changes in the read model: one look at the store for all of them, however many."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from time import time

import structlog
from prometheus_client import CollectorRegistry, Gauge

from api.http.errors import NoAnswerInTime, TooManyRequests
from domain.common.errors import StoreUnavailable
from domain.order_status.view import OrderChange, OrderFilter
from stores.order_status.view import OrderStatusStore

LOOK_EVERY = 0.25
"""Seconds between two looks, while somebody listens."""
PAUSE = 1.0
"""Seconds before a store that did not answer is asked again."""
MOST_LISTENERS = 1000
"""Of one process."""
SEAT_AFTER = 10
"""Seconds after which a client who listens too often may try again."""
AT_ONCE = 100
"""Changes read in one go for one listener."""
WINDOW = 2000
"""Sequence numbers looked through in one go: a filter that finds little must not hold up other readers."""

_log = structlog.get_logger(__name__)


class ChangeStream:
    """The changes of the read model, as they are stored."""

    def __init__(self, store: OrderStatusStore, registry: CollectorRegistry, *, most_of_one: int = 0) -> None:
        """
        Args:
            store: The read model.
            registry: Of the process's metrics.
            most_of_one: Listeners that one client can have; 0: any number.
        """
        self._store = store
        self._most_of_one = most_of_one
        self._last = 0
        self._listeners: Counter[str] = Counter()
        """How many each client has."""
        self._stopped = False
        self._moved = asyncio.Condition()
        listeners = Gauge(
            "order_status_listeners",
            "Clients that are connected to the event stream of status changes",
            registry=registry,
        )
        listeners.set_function(self._listeners.total)

    @contextmanager
    def seat(self, client: str) -> Iterator[None]:
        """A place for one listener more.

        Raises:
            TooManyRequests: the client has as many as one may have.
            NoAnswerInTime: too many listen already.
        """
        if self._most_of_one and self._listeners[client] >= self._most_of_one:
            raise TooManyRequests("you listen often enough already", retry_after=SEAT_AFTER)
        if self._listeners.total() >= MOST_LISTENERS:
            raise NoAnswerInTime("too many listen already")
        self._listeners[client] += 1
        try:
            yield
        finally:
            self._listeners[client] -= 1
            if not self._listeners[client]:
                del self._listeners[client]

    async def position(self, after: int | None) -> int:
        """Where a listener begins who has seen what came up to `after`, or (`None`) wants what comes from now on.

        Raises:
            StoreUnavailable: the read model does not answer.
        """
        last = await self._store.last_sequence()
        # A read model that was set up anew has not come as far yet.
        return last if after is None else min(after, last)

    async def changes(
        self, after: int, wanted: OrderFilter, *, ends_at: float | None = None
    ) -> AsyncGenerator[OrderChange]:
        """The changes after a position, until the process stops, or until a time (seconds since the epoch)."""
        await self._wake()
        while not self._stopped and not _is_past(ends_at):
            up_to = after + WINDOW
            reached = min(max(self._last, after), up_to)
            try:
                found = await self._store.changes_after(after, wanted, AT_ONCE, up_to=up_to)
            except StoreUnavailable:
                await asyncio.sleep(PAUSE)
                continue
            for change in found:
                yield change
            if len(found) == AT_ONCE:
                after = found[-1].sequence
            else:
                # In the window, up to where the store had come before it was asked, all wanted has been found.
                after = max(reached, found[-1].sequence if found else 0)
                await self._beyond(after, ends_at)

    async def run(self) -> None:
        """Look for changes while somebody listens, until stopped."""
        while True:
            async with self._moved:
                await self._moved.wait_for(lambda: self._listeners.total() > 0 or self._stopped)
            if self._stopped:
                return
            try:
                last = await self._store.last_sequence()
            except StoreUnavailable:
                _log.debug("the event stream cannot read the read model; trying again")
                await asyncio.sleep(PAUSE)
                continue
            if last != self._last:
                self._last = last
                await self._wake()
            await asyncio.sleep(LOOK_EVERY)

    async def stop(self) -> None:
        """End every listener's stream, and let `run` come to its end."""
        self._stopped = True
        await self._wake()

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _beyond(self, position: int, ends_at: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if ends_at is None else ends_at - time()), self._moved:
                await self._moved.wait_for(lambda: self._stopped or self._last > position)


def _is_past(moment: float | None) -> bool:
    return moment is not None and moment <= time()
