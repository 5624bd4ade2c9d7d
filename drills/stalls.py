"""Tells a service that does not answer from a machine that stands still: then the service's time runs out on it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from math import inf
from time import monotonic

_EVERY = 0.05
"""Seconds between two ticks."""
_STALL = 0.5
"""Seconds by which a tick is late after which the machine stood still. The API gives up after two seconds at least."""


@dataclass
class Stalls:
    """When this process's event loop, and probably the whole machine, last stood still."""

    _last: float = -inf
    _due: float = inf

    @asynccontextmanager
    async def noticed(self) -> AsyncIterator[None]:
        """Notice them during the block."""
        self._due = monotonic() + _EVERY
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            self._due = inf
            ticking.cancel()
            await asyncio.wait((ticking,))

    async def answered(self, look: Callable[[], Awaitable[int]]) -> int:
        """Return the status of a look. It is repeated if it fails while the machine stands still."""
        while True:
            began = monotonic()
            status = await look()
            if status == HTTPStatus.OK or not self._since(began):
                return status

    def _since(self, moment: float) -> bool:
        # The next tick may be due for long, and come after the answer.
        return self._last >= moment or monotonic() - self._due > _STALL

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._due - monotonic())
            now = monotonic()
            if now - self._due > _STALL:
                self._last = now
            self._due = now + _EVERY
