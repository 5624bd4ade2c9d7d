"""Uses of what hangs are refused at once, from when it is known to hang until it is known to be well."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from domain.common.errors import StoreUnavailable

BETWEEN_PROBES = 0.5
"""Seconds."""

_log = logging.getLogger(__name__)


class Breaker:
    """Opens when a probe fails, and closes when one succeeds; there is never more than one at a time.

    A use that went wrong is no more than a reason to probe: it may have been the use's own fault, or a moment's.
    """

    def __init__(self, name: str, probe: Callable[[], Awaitable[object]]) -> None:
        """A closed one.

        Args:
            name: Of what it guards, as a person is told.
            probe: Ends in time, and raises `StoreUnavailable` where there is no answer.
        """
        self._name = name
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self.open = False

    def check(self) -> None:
        """
        Raises:
            StoreUnavailable: it is open.
        """
        if self.open:
            raise StoreUnavailable(f"{self._name} does not answer, and is left alone until it does")

    def suspect(self) -> None:
        """A use went wrong."""
        if not self._stopping.is_set() and (self._probing is None or self._probing.done()):
            self._probing = asyncio.create_task(self._until_it_answers())

    async def settled(self) -> None:
        """Wait until nothing is suspected."""
        if self._probing is not None:
            await asyncio.wait([self._probing])

    async def stop(self) -> None:
        """Probe no more. A probe is not canceled: the database may be at work for it."""
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
