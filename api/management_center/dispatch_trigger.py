"""Triggers the dispatcher (배차) after changes of staff, beside the requests and at best effort.

A worker also triggers it periodically. This saves waiting orders the time until then.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from temporalio.service import RPCError

from domain.common.errors import StoreUnavailable

_log = structlog.get_logger(__name__)


class DispatchTrigger:
    """Triggers the dispatcher after changes of staff."""

    def __init__(
        self, due_regions: Callable[[], Awaitable[list[str]]], call: Callable[[list[str]], Awaitable[None]]
    ) -> None:
        self._due_regions = due_regions
        self._call = call
        self._changed = asyncio.Event()
        self._stopping = False

    def staff_changed(self) -> None:
        """Report a change of staff, after which waiting orders may be ready."""
        self._changed.set()

    async def run(self) -> None:
        """Check after each change, or once after several, until stopped."""
        while True:
            await self._changed.wait()
            if self._stopping:
                return
            self._changed.clear()
            await self._check()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True
        self._changed.set()

    async def _check(self) -> None:
        try:
            if regions := await self._due_regions():
                await self._call(regions)
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("could not start the dispatcher", error=type(error).__qualname__)
