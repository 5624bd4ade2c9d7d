"""Activities on the outbox of events: reading what is new, and completing it."""

import asyncio
from dataclasses import replace
from time import monotonic

import structlog
from prometheus_client import CollectorRegistry, Counter
from temporalio import activity

from activities.common.serving import carries_out
from domain.event_delivery.relay import READ_EVENTS, TELL_UNTOLD, EventsRead, ReadEvents, TellUntold, Told
from stores.common.database import Database
from stores.order_status.outbox import OutboxStore

_LOOK_EVERY = 0.25
"""Seconds."""
_MOST_EVENTS, _LONGEST_WAIT, _LONGEST_GATHERING = 1000, 60.0, 5.0

_log = structlog.get_logger(__name__)


class OutboxActivities:
    """What the relay asks of this context."""

    def __init__(self, database: Database, registry: CollectorRegistry) -> None:
        self._outbox = OutboxStore(database)
        self._set_back = Counter(
            "event_outbox_set_back",
            "How often the outbox of events was found to have lost numbers, as after a restore, and was numbered anew",
            registry=registry,
        )
        self._lacking = Counter(
            "event_log_set_back",
            "How often the log of events was found behind what it had copied, and events of that time are told again",
            registry=registry,
        )

    @carries_out(READ_EVENTS)
    async def read(self, request: ReadEvents) -> EventsRead:
        """Wait for events after a number, and return them. What was read before counts as copied from now on."""
        asked, limit = monotonic() - _seconds_until_started(), min(request.limit, _MOST_EVENTS)
        await self._mend(request)
        if lacking := await self._outbox.lacks(request.after):
            self._lacking.inc()
            _log.error("the log of events was set back, and is told again what is not kept", after=request.after)
        await self._outbox.relayed(request.after)
        new = await self._wait(request.after, min(request.wait, _LONGEST_WAIT))
        if 0 < new < limit:
            await asyncio.sleep(max(asked + min(request.gather, _LONGEST_GATHERING) - monotonic(), 0.0))
        # The database may have been set back while this has waited.
        await self._mend(request)
        return replace(await self._outbox.read(request.after, limit), lacking=lacking)

    @carries_out(TELL_UNTOLD)
    async def tell_untold(self, request: TellUntold) -> Told:
        """Write what is missing about a page of orders: a release that does not know the outbox has stored them."""
        return await self._outbox.tell_untold(request.since, request.after, again=request.again)

    async def _mend(self, request: ReadEvents) -> None:
        """Number the outbox anew if it was set back: other events may have got numbers that the reader has passed."""
        if await self._outbox.was_set_back(request.after, request.last_event):
            last = await self._outbox.renumber(beyond=request.after)
            self._set_back.inc()
            _log.error("the outbox of events was set back, and is numbered anew", after=request.after, last=last)

    async def _wait(self, after: int, seconds: float) -> int:
        """Return how many numbers were given after one, as soon as there are any, or the time is over."""
        until = monotonic() + seconds
        while True:
            activity.heartbeat()
            new = await self._outbox.last() - after
            if new > 0 or monotonic() >= until or activity.is_worker_shutdown():
                return new
            await asyncio.sleep(_LOOK_EVERY)


def _seconds_until_started() -> float:
    """Return for how long this try waited for a worker. The server has noted both times, by its clock."""
    info = activity.info()
    return max((info.started_time - info.current_attempt_scheduled_time).total_seconds(), 0.0)
