"""The event-delivery context's part in a worker process."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from secrets import SystemRandom
from time import monotonic

import structlog
from temporalio.service import RPCError

from activities.common.serving import Part, Resources
from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.consumer import Identity, Outgoing
from activities.event_delivery.delivery import LONGEST_DELAY, DeliveryActivities
from activities.event_delivery.log import EventLogActivities
from activities.event_delivery.ping import PingActivities
from activities.event_delivery.watch import Watch
from domain.common.errors import StoreUnavailable
from domain.event_delivery.delivery import Patience
from domain.event_delivery.log import FAMILIES
from runtime.event_settings import EventSettings
from runtime.secret_seal import SecretSeal
from runtime.temporal_client import payload_keys_of, start_event_delivery, start_event_relay
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.deliveries import DeliveryStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore

_BETWEEN_STARTS = 60.0
"""Seconds until the relays and deliveries are started again, in case somebody has terminated one, and until secrets are
encrypted anew."""
_AFTER_A_FAILURE = 10.0
_LEAST_LOOKUPS = 128

_log = structlog.get_logger(__name__)


async def keep_relays_running(start: Callable[[str], Awaitable[None]], stop: asyncio.Event) -> None:
    """Start the relay of each source that has none, again and again, until `stop` is set."""

    async def start_all() -> None:
        for source in FAMILIES:
            await start(source)

    await _again_and_again(start_all, stop, "the relay of events could not be started; trying again")


async def keep_deliveries_running(
    unattended: Callable[[], Awaitable[Sequence[str]]], start: Callable[[str], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Start the delivery of each subscription that has none, again and again, until `stop` is set.

    The first time is a moment after the start of the process, a random one. Processes that start together do not look
    together then: what one of them has started, the others leave alone.
    """

    async def start_all() -> None:
        ids = await unattended()
        # In another order each time: one that is refused again and again keeps none of the others from being started.
        for subscription_id in SystemRandom().sample(ids, len(ids)):
            await start(subscription_id)

    with suppress(TimeoutError):
        async with asyncio.timeout(SystemRandom().uniform(0, LONGEST_DELAY)):
            await stop.wait()
    await _again_and_again(start_all, stop, "the delivery of events could not be started; trying again")


async def keep_resealing(secrets: SecretStore, stop: asyncio.Event) -> None:
    """Encrypt the secrets of subscriptions with the newest payload key, so that older keys can be taken away.

    Again and again until `stop` is set: while processes are restarted, others still use an older key.
    """

    async def reseal_all() -> None:
        resealed = await secrets.reseal()
        if resealed.secrets:
            _log.info("secrets of subscriptions are encrypted with the newest key", secrets=resealed.secrets)
        if resealed.unreadable:
            _log.error("secrets of subscriptions cannot be decrypted", subscriptions=resealed.unreadable)

    await _again_and_again(reseal_all, stop, "the secrets of subscriptions could not be read; trying again")


async def _again_and_again(act: Callable[[], Awaitable[None]], stop: asyncio.Event, failure: str) -> None:
    while not stop.is_set():
        pause = _BETWEEN_STARTS
        try:
            await act()
        except (RPCError, RuntimeError, TimeoutError, StoreUnavailable) as error:
            _log.warning(failure, error=str(error))
            pause = _AFTER_A_FAILURE
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await stop.wait()


def most_lookups(settings: EventSettings) -> int:
    """Return how many threads wait for name servers.

    Each subscription has a name, which occupies one, and may be given another one while a server hangs.
    """
    return max(_LEAST_LOOKUPS, 2 * settings.max_event_subscriptions)


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    settings, database = resources.settings, resources.database
    log = EventLog(database, origin=settings.event_source)
    seal = SecretSeal(payload_keys_of(settings))
    secrets = SecretStore(database, seal)
    outgoing = Outgoing(
        settings.event_targets,
        NameLookups(ThreadPoolExecutor(most_lookups(settings), thread_name_prefix="names")),
        Identity(settings.event_source, settings.event_origin),
        lambda: datetime.now(UTC),
    )
    subscriptions, attempts = SubscriptionStore(database, seal), AttemptStore(database)
    pings = PingActivities(subscriptions, secrets, attempts, settings.event_handshake, outgoing)
    store = DeliveryStore(database, log)
    deliveries = DeliveryActivities(
        store,
        Watch(store),
        pings,
        Patience(
            timedelta(seconds=settings.event_give_up_after), timedelta(seconds=settings.event_retry_at_most_every)
        ),
        began=monotonic(),
    )

    async def background(stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_relays_running(partial(start_event_relay, resources.client), stop))
            start = partial(start_event_delivery, resources.client)
            tasks.create_task(keep_deliveries_running(store.unattended, start, stop))
            tasks.create_task(keep_resealing(secrets, stop))

    keeping = EventLogActivities(log, attempts, timedelta(seconds=settings.event_retention))
    return Part([keeping, pings, deliveries], background)
