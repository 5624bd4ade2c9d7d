"""Removes the entries of the access log that have expired, beside the requests."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from domain.common.errors import StoreUnavailable
from stores.audit.access_log import AccessLogStore

FIRST_AFTER = 60.0
"""Seconds from the start of the process to the first pass."""
EVERY = 60 * 60.0
"""Seconds between two passes."""
MOST_BATCHES = 1000
"""The largest number of batches of one pass. The next pass continues."""
PAUSE = 0.1
"""Seconds between two batches, for other users of the database."""

_log = structlog.get_logger(__name__)


class AccessLogRetention:
    """Removes expired entries until stopped. Several processes may do so at the same time."""

    def __init__(self, store: AccessLogStore, keep_for: timedelta) -> None:
        self._store = store
        self._keep_for = keep_for
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Make a pass now and then, until stopped."""
        pause = FIRST_AFTER
        while not await self._stopped_within(pause):
            pause = EVERY
            await self.remove_expired()

    async def remove_expired(self) -> None:
        """Make one pass, as far as the store answers."""
        before = datetime.now(UTC) - self._keep_for
        try:
            for _ in range(MOST_BATCHES):
                if not await self._store.expire(before) or await self._stopped_within(PAUSE):
                    return
        except StoreUnavailable:
            _log.debug("expired entries of the access log stay until the next pass: the store does not answer")

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()
