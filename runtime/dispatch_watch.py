"""Watches whether orders are due, and has them dispatched (배차): in workers, and in the API after changes of staff."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from temporalio.service import RPCError

from domain.common.errors import StoreUnavailable

_BETWEEN_LOOKS = 60.0
"""Longest time in seconds between two checks for orders that are due."""
_AT_MOST_EVERY = 1.0
"""Shortest time in seconds between two checks. One answers for all that happened before it."""
_AFTER_A_FAILURE = 10.0
"""Longest time in seconds between two checks if the first has failed."""

_log = structlog.get_logger(__name__)


class DispatchWatch:
    """Calls the dispatcher of each region in which orders are due.

    It checks after work of this process that may have made orders due. It also checks periodically: orders become due
    as time passes, and a process that made one due may have been killed before its check.
    """

    def __init__(
        self, due_regions: Callable[[], Awaitable[list[str]]], call: Callable[[list[str]], Awaitable[None]]
    ) -> None:
        self._due_regions = due_regions
        self._call = call
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    def changed(self) -> None:
        """Report that orders may have become due."""
        self._changed.set()

    async def run(self) -> None:
        """Check until stopped."""
        while not self._stopping.is_set():
            self._changed.clear()
            longest = _BETWEEN_LOOKS if await self._checked() else _AFTER_A_FAILURE
            await _wait(self._stopping, _AT_MOST_EVERY)
            await _wait(self._changed, longest)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()
        self._changed.set()

    async def _checked(self) -> bool:
        try:
            if regions := await self._due_regions():
                await self._call(regions)
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("orders that are due could not be dispatched; trying again", error=type(error).__qualname__)
            return False
        return True


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
