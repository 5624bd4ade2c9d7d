"""Metrics of the subscriptions: how many there are, how many fail, and how long events wait."""

from datetime import UTC, datetime
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from stores.event_delivery.census import SubscriptionCensus


class SubscriptionGauges:
    """Gauges that are set from the database of event delivery."""

    def __init__(self, census: SubscriptionCensus, registry: CollectorRegistry) -> None:
        self._census = census
        self._subscriptions = Gauge(
            "event_subscriptions",
            "Subscriptions to events, by state, and by the reason why they are paused",
            ("state", "reason"),
            registry=registry,
        )
        self._failing = Gauge(
            "event_subscriptions_failing", "Subscriptions whose consumer does not work at the moment", registry=registry
        )
        self._oldest = Gauge(
            "event_oldest_undelivered_seconds",
            "Time since the oldest event was appended that a subscription has not got over which does not fail",
            registry=registry,
        )
        self._held = Gauge(
            "event_orders_held",
            "Orders whose next event a consumer has refused, for all subscriptions",
            registry=registry,
        )
        self._parked = Gauge(
            "event_orders_parked",
            "Orders whose next event was refused for so long that a person decides",
            registry=registry,
        )

    async def measure(self) -> None:
        """Set the gauges.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        census, now = await self._census.take(), datetime.now(UTC)
        self.forget()
        for (state, reason), subscriptions in census.subscriptions.items():
            self._subscriptions.labels(state, reason).set(subscriptions)
        self._failing.set(census.failing)
        self._oldest.set(max(0.0, (now - (census.undelivered_since or now)).total_seconds()))
        self._held.set(census.held)
        self._parked.set(census.parked)

    def forget(self) -> None:
        """Remove all values."""
        self._subscriptions.clear()
        # A gauge without labels cannot be removed.
        for gauge in (self._failing, self._oldest, self._held, self._parked):
            gauge.set(nan)
