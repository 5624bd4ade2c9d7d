"""The event-delivery context's part in a worker process."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog
from temporalio.service import RPCError

from activities.common.serving import Part, Resources
from activities.event_delivery.log import EventLogActivities
from domain.event_delivery.log import FAMILIES
from runtime.temporal_client import start_event_relay
from stores.event_delivery.log import EventLog

_BETWEEN_STARTS = 60.0
"""Seconds until the relays are started again, in case somebody has terminated one."""
_AFTER_A_FAILURE = 10.0

_log = structlog.get_logger(__name__)


async def keep_relays_running(start: Callable[[str], Awaitable[None]], stop: asyncio.Event) -> None:
    """Start the relay of each source that has none, again and again, until `stop` is set."""
    while not stop.is_set():
        pause = _BETWEEN_STARTS
        try:
            for source in FAMILIES:
                await start(source)
        except (RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("the relay of events could not be started; trying again", error=str(error))
            pause = _AFTER_A_FAILURE
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    settings = resources.settings
    log = EventLog(resources.database, origin=settings.event_source)
    return Part(
        [EventLogActivities(log, timedelta(seconds=settings.event_retention))],
        partial(keep_relays_running, partial(start_event_relay, resources.client)),
    )
