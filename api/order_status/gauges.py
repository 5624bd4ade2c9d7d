"""Metrics of the orders: how many are in each status, and how long they have waited."""

from datetime import UTC, datetime
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from domain.common.contexts import ORDER_STATUS
from stores.order_status.census import OrderCensus


class OrderGauges:
    """Gauges that are set from the read model."""

    def __init__(self, census: OrderCensus, registry: CollectorRegistry) -> None:
        self._census = census
        self._orders = Gauge("orders", "Orders in the read model", ("status",), registry=registry)
        self._unchanged = Gauge(
            "orders_unchanged_seconds",
            "Time since the last change of the open order that has not changed for longest, for each status",
            ("status",),
            registry=registry,
        )
        self._attention = Gauge("orders_attention", "Orders that need a person", ("reason",), registry=registry)
        self._unacknowledged = Gauge(
            "orders_unacknowledged_seconds",
            "Time since the oldest request for a person that nobody has acknowledged, for each reason",
            ("reason",),
            registry=registry,
        )
        self._lag = Gauge(
            "projection_lag_seconds",
            "Time since the oldest order was placed of which the read model has only the initial row",
            registry=registry,
        )

        self._uncopied = Gauge(
            "event_relay_lag_seconds",
            "Time since the oldest event was written that has not been copied from the outbox of a context",
            ("source",),
            registry=registry,
        )

    async def measure(self) -> None:
        """Set the gauges.

        Raises:
            StoreUnavailable: the read model does not answer.
        """
        census, now = await self._census.take(), datetime.now(UTC)
        self.forget()
        for status, orders in census.by_status.items():
            self._orders.labels(status).set(orders)
        for status, since in census.unchanged_since.items():
            self._unchanged.labels(status).set(_seconds(since, now))
        for reason, orders in census.attention.items():
            self._attention.labels(reason).set(orders)
        for reason, since in census.unacknowledged_since.items():
            self._unacknowledged.labels(reason).set(_seconds(since, now))
        self._lag.set(_seconds(census.unprojected_since or now, now))
        self._uncopied.labels(ORDER_STATUS).set(_seconds(census.uncopied_since or now, now))

    def forget(self) -> None:
        """Remove all values."""
        for gauge in (self._orders, self._unchanged, self._attention, self._unacknowledged, self._uncopied):
            gauge.clear()
        # A gauge without labels cannot be removed.
        self._lag.set(nan)


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
