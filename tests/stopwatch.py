"""How long something takes, without the time in which a busy machine has given this process no turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

_TICK = 0.01
"""Seconds; to wake up later than by so many is not the event loop's own doing."""


class Stopwatch:
    """Runs while its block does."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._lost = 0.0

    @property
    def seconds(self) -> float:
        """Up to now."""
        return monotonic() - self._began - self._lost

    async def run(self) -> None:
        """Notice when this process gets no turn."""
        while True:
            due = monotonic() + _TICK
            await asyncio.sleep(_TICK)
            late = monotonic() - due
            if late > _TICK:
                self._lost += late


@asynccontextmanager
async def stopwatch() -> AsyncIterator[Stopwatch]:
    """One that has begun."""
    watch = Stopwatch()
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        await asyncio.wait([running])
