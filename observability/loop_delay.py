"""How late the event loop of a process runs what is due. While it is late, nobody is answered, probes included."""

import asyncio

from prometheus_client import CollectorRegistry, Histogram

EVERY = 0.1
"""Seconds between two measurements."""
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class LoopDelay:
    """Histogram of the delays of one event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._delay = Histogram(
            "event_loop_delay_seconds",
            "How late the event loop runs what is due, measured ten times a second",
            registry=registry,
            buckets=_BUCKETS,
        )

    async def run(self) -> None:
        """Measure until canceled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self._delay.observe(max(0.0, loop.time() - due))
