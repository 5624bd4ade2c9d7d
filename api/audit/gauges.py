"""Metrics of the access log: how many actors read of unusually many people."""

from datetime import UTC, datetime, timedelta
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from stores.audit.access_log import AccessLogStore

WITHIN = timedelta(hours=1)


class AccessLogGauges:
    """Gauges that are set from the access log of all processes. They name nobody: the access log tells who it is."""

    def __init__(self, store: AccessLogStore, registry: CollectorRegistry, *, most_people: int) -> None:
        self._store = store
        self._most_people = most_people
        self._bulk_readers = Gauge(
            "access_bulk_readers",
            "Actors who have read personal data of more than BULK_READ_PEOPLE people within the last hour",
            registry=registry,
        )

    async def measure(self) -> None:
        """Set the gauges.

        Raises:
            StoreUnavailable: the access log does not answer.
        """
        now = datetime.now(UTC)
        self._bulk_readers.set(len(await self._store.readers(now - WITHIN, now, more_than=self._most_people)))

    def forget(self) -> None:
        """Remove all values."""
        self._bulk_readers.set(nan)
