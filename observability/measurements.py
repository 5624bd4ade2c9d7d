"""What is measured of the whole system when somebody asks for the metrics, and then not again for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Gauge
from temporalio.service import RPCError

from domain.common.errors import StoreUnavailable

_FRESH_FOR = 10.0
"""Seconds for which a measurement serves other scrapes, too, at least."""
_IDLE_FOR = 20.0
"""And so many times as long as it has taken: whoever scrapes, and however much there is, it is little of the load."""

_log = structlog.get_logger(__name__)


class Measurements:
    """Several measurements, and whether each could be taken."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge(
            "measurement_up",
            "1 if the last measurement of this kind succeeded, 0 if it failed",
            ("of",),
            registry=registry,
        )
        self._refreshes: list[Callable[[], Awaitable[None]]] = []

    def add(self, of: str, measure: Callable[[], Awaitable[None]], forget: Callable[[], None]) -> None:
        """Measure one thing more.

        Args:
            of: What is measured.
            measure: Sets gauges, within a deadline of its own; raises where it cannot.
            forget: Takes back what the gauges show: better nothing than what was once.
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
                except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
                    _log.debug("measurement failed", of=of, error=str(error))
                    forget()
                    self._up.labels(of).set(0)
                else:
                    self._up.labels(of).set(1)
                ended = monotonic()
                due = ended + max(_FRESH_FOR, _IDLE_FOR * (ended - began))

        self._refreshes.append(refresh)

    async def refresh(self) -> None:
        """Bring up to date what is not fresh any more."""
        await asyncio.gather(*[refresh() for refresh in self._refreshes])
