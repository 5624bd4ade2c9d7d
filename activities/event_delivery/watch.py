"""What all deliveries of a process look at, several times a second, read once for all of them."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from time import monotonic

from domain.event_delivery.delivery import LoggedEvent
from domain.event_delivery.subscriptions import EventSubscription
from stores.event_delivery.deliveries import DeliveryStore, NewEvent, Present

LOOK_EVERY = 0.25
"""Seconds for which what was seen counts."""
MOST_RECENT = 500
"""Events that are kept for those who deliver them."""


class Watch:
    """Reads the newest position and the newest events of the log, and the newest run of each subscription."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store
        self._lock = asyncio.Lock()
        self._present = Present(0, {})
        self._read_at = float("-inf")
        self._recent: list[NewEvent] = []
        """Every event of the log after `_recent_after` and up to the newest position that was seen."""
        self._recent_after = 0

    async def look(self, *, since: float) -> Present:
        """Return what was read a moment ago, and after a time of the monotonic clock.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._lock:
            now = monotonic()
            if self._read_at < max(since, now - LOOK_EVERY):
                self._keep(*await self._store.present(self._present.last, most=MOST_RECENT))
                self._read_at = now
            return self._present

    async def read(self, subscription: EventSubscription, after: int, limit: int) -> tuple[list[LoggedEvent], int]:
        """Return the next events after a position that a subscription selects, and the position that was reached.

        Raises:
            EventsGone: the next events are not kept any more.
            StoreUnavailable: the database does not answer.
            ValueError: the log has no such position any more.
        """
        if not self._recent_after <= after <= self._present.last:
            return await self._store.read(subscription, after, limit)
        following = self._recent[bisect_right(self._recent, after, key=_sequence) :]
        selected = [each.event for each in following if subscription.selects(each.type, each.region)]
        if len(selected) >= limit:
            return selected[:limit], selected[limit - 1].sequence
        return selected, self._present.last

    def _keep(self, present: Present, new: Sequence[NewEvent] | None) -> None:
        if new is None:
            self._recent, self._recent_after = [], present.last
        else:
            self._recent += new
            if leaving := self._recent[:-MOST_RECENT]:
                self._recent_after = leaving[-1].sequence
                del self._recent[: len(leaving)]
        self._present = present


def _sequence(event: NewEvent) -> int:
    return event.sequence
