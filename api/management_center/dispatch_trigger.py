"""Has the dispatcher (배차) look after changes of staff: at best effort, in nobody's way.

A worker looks by itself now and then; this saves the orders that are due the wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from temporalio.service import RPCError

from domain.common.errors import StoreUnavailable

_log = structlog.get_logger(__name__)


class DispatchTrigger:
    """Changes of staff after which nobody has looked yet."""

    def __init__(self, has_due: Callable[[], Awaitable[bool]], call: Callable[[], Awaitable[None]]) -> None:
        self._has_due = has_due
        self._call = call
        self._changed = asyncio.Event()
        self._stopping = False

    def staff_changed(self) -> None:
        """Have somebody look, some time soon if possible, whether orders are due now."""
        self._changed.set()

    async def run(self) -> None:
        """Look after each change, or once after several, until stopped."""
        while True:
            await self._changed.wait()
            if self._stopping:
                return
            self._changed.clear()
            await self._look()

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True
        self._changed.set()

    async def _look(self) -> None:
        try:
            if await self._has_due():
                await self._call()
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("could not start the dispatcher", error=type(error).__qualname__)
