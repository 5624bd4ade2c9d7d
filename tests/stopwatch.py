"""Measures time, without the time in which a busy machine has not run this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

_TICK = 0.01
"""Seconds. A larger delay of a wake-up is not caused by the event loop."""


class Stopwatch:
    """A stopwatch that runs during a block."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._lost = 0.0

    @property
    def seconds(self) -> float:
        """The measured seconds until now."""
        return monotonic() - self._began - self._lost

    async def run(self) -> None:
        """Measure the time in which this process does not run."""
        while True:
            due = monotonic() + _TICK
            await asyncio.sleep(_TICK)
            late = monotonic() - due
            if late > _TICK:
                self._lost += late


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """Run a stopwatch."""
    watch = Stopwatch()
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.wait([running])
