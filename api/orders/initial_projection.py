"""The first row of each order in the managers' view, written when the order is taken: at best effort, in nobody's way.

Managers see an order so while every worker is down; the saga's own projection is what counts.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter

from api.http.write_behind import WriteBehindQueue
from domain.orders import Order
from stores.order_status.view import OrderStatusStore


class InitialProjection(WriteBehindQueue[Order]):
    """Orders whose first row is still to be written."""

    def __init__(self, store: OrderStatusStore, registry: CollectorRegistry) -> None:
        super().__init__("first_rows", "Initial rows of orders", registry)
        self._store = store
        self._events = Counter(
            "orders_events", "Events of orders, counted when they are first stored", ("event",), registry=registry
        )

    async def write(self, batch: Sequence[Order]) -> None:
        """Store them, where nothing newer is."""
        for entry in await self._store.put(batch):
            self._events.labels(entry.event).inc()
