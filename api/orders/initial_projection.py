"""Writes the first row of each order in the managers' view when the order is placed, beside the requests.

By this, managers see an order even if every worker is down. It is best effort: the saga's projection is authoritative.
"""

from collections.abc import Sequence
from itertools import chain

from prometheus_client import CollectorRegistry, Counter

from api.http.write_behind import WriteBehindQueue
from domain.orders import Order
from stores.order_status.view import OrderStatusStore


class InitialProjection(WriteBehindQueue[Order]):
    """Orders whose first row is not written yet."""

    def __init__(self, store: OrderStatusStore, registry: CollectorRegistry) -> None:
        super().__init__("first_rows", "Initial rows of orders", registry)
        self._store = store
        self._events = Counter(
            "orders_events", "Events of orders, counted when they are first stored", ("event",), registry=registry
        )

    async def write(self, batch: Sequence[Order]) -> None:
        """Store the orders, unless newer versions are stored."""
        for entry in chain.from_iterable(await self._store.put(batch)):
            self._events.labels(entry.event).inc()
