"""Sends the changes of the read model to all listeners. The process reads each change once, for all of them.

A listener who comes back, or who is slow, first reads the store by itself, until it has caught up with the others.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import time

import structlog
from prometheus_client import CollectorRegistry, Gauge

from api.http.seats import Seats
from api.order_status.recent_changes import RecentChanges
from domain.common.errors import StoreUnavailable
from domain.order_status.view import OrderChange, OrderFilter
from stores.order_status.view import OrderStatusStore

LOOK_EVERY = 0.25
"""Seconds between two polls, while somebody listens."""
PAUSE = 1.0
"""Seconds before a store that did not answer is polled again."""
LOOK_FOR_REVOCATION = 2.0
"""Seconds after which an idle stream of a revoked listener ends."""
MOST_LISTENERS = 1000
"""The largest number of listeners of one process."""
AT_ONCE = 100
"""Changes that one query reads."""
WINDOW = 2000
"""Sequence numbers that one query searches. A filter that matches little must not block other readers."""

_log = structlog.get_logger(__name__)


class ChangeStream:
    """The stream of changes of the read model, as they are stored."""

    def __init__(self, store: OrderStatusStore, registry: CollectorRegistry, *, most_of_one: int = 0) -> None:
        """Create a stream without listeners.

        Args:
            store: The read model.
            registry: The registry of the process's metrics.
            most_of_one: The largest number of listeners of one client. 0: no limit.
        """
        self._store = store
        self._recent = RecentChanges()
        self._listeners = Seats("event streams", most=MOST_LISTENERS, most_of_one=most_of_one)
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
        """Reserve a place for one listener.

        Raises:
            TooManyRequests: the client has as many listeners as one may have.
            NoAnswerInTime: the process has as many listeners as it may have.
        """
        try:
            with self._listeners.taken_by(client):
                yield
        finally:
            if not self._listeners.total():
                # Nobody reads on, so nothing is kept.
                self._recent = RecentChanges()

    async def position(self, after: int | None) -> int:
        """Return where a listener begins: after `after`, or (`None`) with the next change.

        Raises:
            StoreUnavailable: the read model does not answer.
        """
        last = await self._store.last_sequence()
        # A newly created read model may not have reached this number yet.
        return last if after is None else min(after, last)

    async def changes(
        self,
        after: int,
        wanted: OrderFilter,
        *,
        ends_at: float | None = None,
        revoked: Callable[[], bool] = lambda: False,
    ) -> AsyncGenerator[OrderChange]:
        """Yield the changes after a position, until the process stops.

        Args:
            after: The position.
            wanted: The filter.
            ends_at: A time (seconds since the epoch) at which the stream ends.
            revoked: Whether the listener may not listen any more. Asked every `LOOK_FOR_REVOCATION` seconds.
        """
        await self._wake()
        while not (self._stopped or _is_past(ends_at) or revoked()):
            try:
                found, after = await self._next(after, wanted)
            except StoreUnavailable:
                await asyncio.sleep(PAUSE)
                continue
            for change in found:
                yield change
            await self._beyond(after, ends_at, revoked)

    async def run(self) -> None:
        """Poll for changes while somebody listens, until stopped."""
        while True:
            async with self._moved:
                await self._moved.wait_for(lambda: self._listeners.total() > 0 or self._stopped)
            if self._stopped:
                return
            try:
                if await self._read(self._recent):
                    await self._wake()
            except StoreUnavailable:
                _log.debug("the event stream cannot read the read model; trying again")
                await asyncio.sleep(PAUSE)
                continue
            await asyncio.sleep(LOOK_EVERY)

    async def stop(self) -> None:
        """End every listener's stream, and let `run` end."""
        self._stopped = True
        await self._wake()

    async def _next(self, after: int, wanted: OrderFilter) -> tuple[Iterable[OrderChange], int]:
        """Return the next changes for a listener, and the position up to which these are all."""
        recent = self._recent
        if recent.reach_back_to(after):
            return recent.after(after, wanted, AT_ONCE)
        up_to = after + WINDOW
        # Every change of the window is found, up to the last number that is known before the query.
        reached = min(max(recent.last, after), up_to)
        found = await self._store.changes_after(after, wanted, AT_ONCE, up_to=up_to)
        if len(found) == AT_ONCE:
            return found, found[-1].sequence
        return found, max(reached, found[-1].sequence if found else 0)

    async def _read(self, recent: RecentChanges) -> bool:
        """Read what is new, once for all listeners. Returns whether there is something."""
        recent.forget_old()
        last = await self._store.last_sequence()
        if recent.begun and last == recent.last:
            return False
        if not recent.begun or not 0 < last - recent.last <= WINDOW:
            recent.begin(last)
        while recent.last < last:
            found = await self._store.feed(recent.last, last, AT_ONCE)
            recent.add(found, found[-1].sequence if len(found) == AT_ONCE else last)
        return True

    async def _wake(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _beyond(self, position: int, ends_at: float | None, revoked: Callable[[], bool]) -> None:
        while not (self._stopped or self._recent.last > position or _is_past(ends_at) or revoked()):
            within = LOOK_FOR_REVOCATION if ends_at is None else min(ends_at - time(), LOOK_FOR_REVOCATION)
            with suppress(TimeoutError):
                async with asyncio.timeout(within), self._moved:
                    await self._moved.wait_for(lambda: self._stopped or self._recent.last > position)


def _is_past(moment: float | None) -> bool:
    return moment is not None and moment <= time()
