"""The event-delivery context's part in a worker process."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog
from temporalio.service import RPCError

from activities.common.serving import Part, Resources
from activities.event_delivery.log import EventLogActivities
from activities.event_delivery.ping import Identity, PingActivities
from domain.common.errors import StoreUnavailable
from domain.event_delivery.log import FAMILIES
from runtime.secret_seal import SecretSeal, SecretUnreadable
from runtime.temporal_client import payload_keys_of, start_event_relay
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore

_BETWEEN_STARTS = 60.0
"""Seconds until the relays are started again, in case somebody has terminated one."""
_AFTER_A_FAILURE = 10.0
_MOST_LOOKUPS = 128
"""Threads that wait for name servers. A subscription uses one at a time."""

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


async def reseal_secrets(secrets: SecretStore, stop: asyncio.Event) -> None:
    """Encrypt the secrets of subscriptions with the newest payload key, so that older keys can be taken away."""
    while not stop.is_set():
        try:
            if resealed := await secrets.reseal():
                _log.info("secrets of subscriptions are encrypted with the newest key", secrets=resealed)
        except StoreUnavailable as error:
            _log.warning("the secrets of subscriptions could not be read; trying again", error=str(error))
        except SecretUnreadable as error:
            _log.error("a secret of a subscription cannot be decrypted", error=str(error))
            return
        else:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_AFTER_A_FAILURE):
                await stop.wait()


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    settings, database = resources.settings, resources.database
    log = EventLog(database, origin=settings.event_source)
    seal = SecretSeal(payload_keys_of(settings))
    secrets = SecretStore(database, seal)
    pings = PingActivities(
        SubscriptionStore(database, seal),
        secrets,
        AttemptStore(database),
        settings.event_targets,
        settings.event_handshake,
        Identity(settings.event_source, settings.event_origin),
        ThreadPoolExecutor(_MOST_LOOKUPS, thread_name_prefix="names"),
    )

    async def background(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_relays_running(partial(start_event_relay, resources.client), stop))
            tasks.create_task(reseal_secrets(secrets, stop))

    return Part([EventLogActivities(log, timedelta(seconds=settings.event_retention)), pings], background)
