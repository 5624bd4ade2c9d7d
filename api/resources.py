"""The stores and the client of the API process, what works on them, and its background tasks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog
from prometheus_client import Gauge
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError

from api.audit.access_log import AccessLog, key_of
from api.audit.gauges import AccessLogGauges
from api.audit.retention import AccessLogRetention
from api.audit.trail import AuditTrail
from api.background import running
from api.codec.budget import EncodingBudget
from api.dependencies import Services
from api.event_delivery.delivery_trigger import DeliveryTrigger
from api.event_delivery.gauges import SubscriptionGauges
from api.event_delivery.limits import SubscriptionLimits
from api.event_delivery.log_watch import LogWatch
from api.event_delivery.ping import PingClient
from api.management_center.retirement import RetiredEngineers
from api.order_status.change_stream import ChangeStream
from api.order_status.gauges import OrderGauges
from api.orders.backlog_watch import BacklogWatch
from api.orders.client import OrderWorkflowClient
from api.orders.erasure import ErasureClient
from api.orders.initial_projection import InitialProjection
from api.orders.lookup import OrderLookup
from api.orders.open_orders import OpenOrders
from api.orders.starting import Starting
from api.ownership import Ownership
from api.security.limits import Limits
from domain.common import contexts
from domain.installation import ContactPolicy
from observability.health import Health
from observability.loop_delay import LoopDelay
from observability.queue_gauges import QueueGauges
from observability.task_queues import QueueState, check_polled, describe
from observability.telemetry import Telemetry
from runtime.dispatch_watch import DispatchWatch
from runtime.payload_codec import Encryption
from runtime.secret_seal import SecretSeal
from runtime.settings import Settings
from runtime.temporal_client import (
    call_dispatchers,
    check,
    connect,
    payload_keys_of,
    register_search_attributes,
    start_event_delivery,
)
from stores.audit.access_log import AccessLogStore
from stores.audit.heads import HeadsFile
from stores.audit.trail import AuditStore
from stores.common.database import Database
from stores.common.revisions import Schema
from stores.event_delivery.attempts import AttemptStore
from stores.event_delivery.census import SubscriptionCensus
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.secrets import SecretStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.census import OrderCensus
from stores.order_status.view import OrderStatusStore

_DATABASE_WITHIN = 2.0
"""Seconds for a database to answer."""
_WORKFLOW_TASKS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_LOOK_WITHIN = timedelta(seconds=0.8)
"""Less than a check of the health may take. The time for Temporal to describe the queue of the orders."""
_REGISTER_WITHIN = 2.0
"""Seconds for Temporal to register the search attributes."""
_AGAIN_AFTER = 1.0
"""Seconds between two tries of a task that has to succeed once."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def opened(settings: Settings, limits: Limits, health: Health, telemetry: Telemetry) -> AsyncIterator[Services]:
    """Open the stores and the client, none of which has to answer yet, and start the background tasks."""
    async with AsyncExitStack() as resources:
        databases = {}
        for context in contexts.STORES:
            database = Database(settings.database_url(context), name=context, deadline_seconds=_DATABASE_WITHIN)
            resources.push_async_callback(database.dispose)
            databases[context] = database
            health.add_store(context, Schema(context, database).check, database.refusing)
        client = await connect(settings, lazy=True, interceptors=telemetry.interceptors)
        health.checks["temporal"] = partial(check, client)
        look = partial(describe, client, contexts.ORDERS, _WORKFLOW_TASKS, within=_LOOK_WITHIN)
        health.checks["orderWorkers"] = partial(check_polled, look)
        services = _services(settings, limits, health, client, look, databases)
        _measure(health, settings, client, databases)
        measuring = asyncio.create_task(LoopDelay(health.registry).run())
        registering = asyncio.create_task(_register_search_attributes(client))
        try:
            async with running(services):
                yield services
        finally:
            measuring.cancel()
            registering.cancel()
            await asyncio.gather(measuring, registering, return_exceptions=True)


def _services(
    settings: Settings,
    limits: Limits,
    health: Health,
    client: Client,
    look: Callable[[], Awaitable[QueueState]],
    databases: dict[str, Database],
) -> Services:
    statuses = OrderStatusStore(databases[contexts.ORDER_STATUS], settings.booking_rules.grid)
    management_center = ManagementCenterStore(databases[contexts.MANAGEMENT_CENTER], settings.booking_rules)
    backlog = BacklogWatch(look, health.registry)
    starting = Starting(client, backlog, most_in_flight=settings.max_starts_in_flight)
    in_flight = Gauge(
        "starts_in_flight", "Orders whose workflow is being started at this moment", registry=health.registry
    )
    in_flight.set_function(lambda: starting.in_flight)
    workflows = OrderWorkflowClient(client, OrderLookup(client, statuses), starting)
    audit_store, access_store = AuditStore(databases[contexts.AUDIT]), AccessLogStore(databases[contexts.AUDIT])
    access_log_key = key_of(settings)
    installations = InstallationStore(databases[contexts.INSTALLATION])
    retired = RetiredEngineers(management_center)
    event_log = EventLog(databases[contexts.EVENT_DELIVERY])
    event_delivery, seal = databases[contexts.EVENT_DELIVERY], SecretSeal(payload_keys_of(settings))
    subscriptions = SubscriptionStore(event_delivery, seal)
    return Services(
        workflows,
        backlog,
        InitialProjection(statuses, health.registry),
        OpenOrders(OrderCensus(databases[contexts.ORDER_STATUS]), limits.open_orders),
        settings.order_policy,
        ContactPolicy(timedelta(seconds=settings.contact_visible_for)),
        settings.booking_rules.grid,
        settings.national_holidays,
        management_center,
        installations,
        statuses,
        audit_store,
        AuditTrail(audit_store, health.registry, HeadsFile(settings.audit_heads) if settings.audit_heads else None),
        access_store,
        access_log_key,
        AccessLog(access_store, access_log_key, health.registry),
        AccessLogRetention(access_store, timedelta(seconds=settings.access_log_retention)),
        ChangeStream(statuses, health.registry, most_of_one=limits.listeners),
        event_log,
        LogWatch(event_log, health.registry, most_of_one=limits.listeners),
        DispatchWatch(management_center.due_regions, partial(call_dispatchers, client)),
        DeliveryTrigger(partial(start_event_delivery, client)),
        retired,
        Ownership(workflows, installations, management_center, retired, subscriptions),
        subscriptions,
        SecretStore(event_delivery, seal),
        AttemptStore(event_delivery),
        HeldOrderStore(event_delivery),
        PingClient(client),
        settings.event_targets,
        SubscriptionLimits(settings.max_event_subscriptions, settings.max_event_subscriptions_per_owner),
        Encryption(payload_keys_of(settings), client.namespace),
        EncodingBudget(),
        ErasureClient(client),
    )


def _measure(health: Health, settings: Settings, client: Client, databases: dict[str, Database]) -> None:
    """Add the metrics of the whole system. They are here because the API answers even if every worker is down."""
    orders = OrderGauges(OrderCensus(databases[contexts.ORDER_STATUS]), health.registry)
    subscriptions = SubscriptionGauges(SubscriptionCensus(databases[contexts.EVENT_DELIVERY]), health.registry)
    queues = QueueGauges(client, health.registry)
    health.measurements.add("orders", orders.measure, orders.forget)
    health.measurements.add("subscriptions", subscriptions.measure, subscriptions.forget)
    health.measurements.add("task-queues", queues.measure, queues.forget)
    if settings.bulk_read_people:
        access_log = AccessLogGauges(
            AccessLogStore(databases[contexts.AUDIT]), health.registry, most_people=settings.bulk_read_people
        )
        health.measurements.add("access-log", access_log.measure, access_log.forget)


async def _register_search_attributes(client: Client) -> None:
    """Register the search attributes, until it succeeds. Before that, no order can be started."""
    log = _log.warning
    while True:
        try:
            # A call that waits for a connection blocks every other call that needs it.
            async with asyncio.timeout(_REGISTER_WITHIN):
                await register_search_attributes(client)
        except (RPCError, RuntimeError, TimeoutError) as error:
            log("the search attributes are not registered yet", error=str(error) or "no answer")
            log = _log.debug
            await asyncio.sleep(_AGAIN_AFTER)
        else:
            return
