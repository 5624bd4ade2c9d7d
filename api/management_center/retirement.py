"""The engineers who have retired, as the management center last knew them. Requests do not wait for its database."""

import asyncio
from contextlib import suppress

import structlog

from domain.common.errors import StoreUnavailable
from stores.management_center.assignments import ManagementCenterStore

LOOK_EVERY = 15.0
"""Seconds between two reads, after which every process knows of a change."""

_log = structlog.get_logger(__name__)


class RetiredEngineers:
    """The ids of the engineers who are not active, read beside the requests.

    While the database is away, the last answer counts. Before there was an answer, nobody counts as retired: engineers
    can work although the management center is down.
    """

    def __init__(self, store: ManagementCenterStore) -> None:
        self._store = store
        self._known: frozenset[str] = frozenset()
        self._reading = asyncio.Lock()
        self._read = asyncio.Event()
        self._stopping = asyncio.Event()

    async def include(self, engineer_id: str) -> bool:
        """Return whether an engineer has retired. Waits only for the first read of the process, even if it fails."""
        await self._read.wait()
        return self.known(engineer_id)

    def known(self, engineer_id: str) -> bool:
        """Return whether an engineer is known to have retired, without waiting."""
        return engineer_id in self._known

    async def refresh(self) -> None:
        """Read them now. What was known stays if the database does not answer."""
        # One at a time: an answer from before a change must not replace one from after it.
        async with self._reading:
            try:
                self._known = frozenset(await self._store.inactive_engineers())
            except StoreUnavailable:
                _log.debug("the retired engineers cannot be read; the last answer counts")
            finally:
                self._read.set()

    async def run(self) -> None:
        """Read them again and again, until stopped."""
        while not self._stopping.is_set():
            await self.refresh()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._stopping.wait()

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()
