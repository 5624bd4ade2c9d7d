"""Measurements of the whole system, taken when metrics are scraped and then reused for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Gauge

from domain.common.errors import StoreUnavailable

_FRESH_FOR = 10.0
"""Minimum number of seconds for which a measurement is reused."""
_IDLE_FOR = 20.0
"""A measurement is also reused for this many times its duration, so that it causes little load at any size."""

_log = structlog.get_logger(__name__)


class Measurements:
    """The measurements of a process, and whether each one has succeeded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "measurement_up",
            "1 if the last measurement of this kind succeeded, 0 if it failed",
            ("of",),
            registry=registry,
        )
        self._refreshes: list[Callable[[], Awaitable[None]]] = []

    def add(self, of: str, measure: Callable[[], Awaitable[None]], forget: Callable[[], None]) -> None:
        """Add a measurement.

        Args:
            of: Name of what is measured.
            measure: Sets gauges, within a deadline of its own. If it fails, it raises `StoreUnavailable`,
                `ConnectionError`, `RuntimeError` or `TimeoutError`.
            forget: Clears the gauges, so that they show nothing instead of outdated values.
        """
        due, measuring = monotonic(), asyncio.Lock()

        async def refresh() -> None:
            nonlocal due
            async with measuring:
                began = monotonic()
                if began < due:
                    return
                try:
                    await measure()
                except (StoreUnavailable, ConnectionError, RuntimeError, TimeoutError) as error:
                    _log.debug("measurement failed", of=of, error=str(error))
                    forget()
                    self._up.labels(of).set(0)
                else:
                    self._up.labels(of).set(1)
                ended = monotonic()
                due = ended + max(_FRESH_FOR, _IDLE_FOR * (ended - began))

        self._refreshes.append(refresh)

    async def refresh(self) -> None:
        """Repeat the measurements that are outdated."""
        await asyncio.gather(*[refresh() for refresh in self._refreshes])
