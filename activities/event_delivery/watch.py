"""What all deliveries of a process look at, several times a second, read once for all of them."""

import asyncio
from time import monotonic

from stores.event_delivery.deliveries import DeliveryStore, Present

LOOK_EVERY = 0.25
"""Seconds for which what was seen counts."""


class Watch:
    """Reads the newest position of the log, and the newest run of each subscription."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._present = Present(0, {})
        self._read_at = float("-inf")

    async def look(self, *, since: float) -> Present:
        """Return what was read a moment ago, and after a time of the monotonic clock.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._lock:
            now = monotonic()
            if self._read_at < max(since, now - LOOK_EVERY):
                self._present, self._read_at = await self._store.present(), now
            return self._present
