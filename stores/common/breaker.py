"""A circuit breaker: refuses uses of a service at once while the service is known to hang."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from domain.common.errors import StoreUnavailable

BETWEEN_PROBES = 0.5
"""Seconds."""

_log = logging.getLogger(__name__)


class Breaker:
    """Opens when a probe fails, and closes when one succeeds. At most one probe runs at a time.

    A failed use is only a reason to probe: the failure may be the use's own fault, or a passing one.
    """

    def __init__(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """Create a closed breaker.

        Args:
            name: The guarded service, for messages.
            probe: Checks the service. It must end in time, and raise `StoreUnavailable` if there is no answer.
        """
        self._name = name
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.open = False

    def check(self) -> None:
        """Refuse a use while the breaker is open.

        Raises:
            StoreUnavailable: the breaker is open.
        """
        if self.open:
            raise StoreUnavailable(f"{self._name} does not answer; it is not used until it does")

    def suspect(self) -> None:
        """Report that a use has failed. A probe begins, if none is running."""
        if not self._stopping.is_set() and (self._probing is None or self._probing.done()):
            self._probing = asyncio.create_task(self._until_it_answers())

    async def settled(self) -> None:
        """Wait until the probe that is running, if any, has ended."""
        if self._probing is not None:
            await asyncio.wait([self._probing])

    async def stop(self) -> None:
        """Stop probing. A running probe is not canceled, because the database may be working for it."""
        self._stopping.set()
        await self.settled()

    async def _until_it_answers(self) -> None:
        try:
            while not (self._stopping.is_set() or await self._answers()):
                if not self.open:
                    self.open = True
                    _log.warning("%s does not answer: calls to it are refused", self._name)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), BETWEEN_PROBES)
        finally:
            if self.open:
                self.open = False
                _log.warning("%s: calls to it are allowed again", self._name)

    async def _answers(self) -> bool:
        try:
            await self._probe()
        except StoreUnavailable:
            return False
        return True
