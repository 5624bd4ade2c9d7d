"""The app: the stores and clients that it opens, its background tasks, and the routes that it serves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from prometheus_client import Gauge
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Scope
from temporalio.client import Client
from temporalio.service import RPCError

from api.audit import access_routes as access_log
from api.audit import routes as audit
from api.audit.access_log import AccessLog, AccessRecording, key_of
from api.audit.gauges import AccessLogGauges
from api.audit.retention import AccessLogRetention
from api.audit.trail import AuditTrail
from api.background import running
from api.codec import routes as codec
from api.codec.budget import EncodingBudget
from api.dependencies import Services
from api.http import docs, problems
from api.http.bodies import LargeBodies
from api.http.hosts import HostCheck, LocalRequestsOnly
from api.http.metrics import RequestMetrics
from api.http.request_context import RequestContext
from api.http.response_headers import ResponseHeaders
from api.installation import routes as installation
from api.management_center import calendar_routes as calendars
from api.management_center import routes as management_center
from api.management_center import staff_routes as staffing
from api.management_center.dispatch_trigger import DispatchTrigger
from api.management_center.retirement import RetiredEngineers
from api.order_status import routes as order_status
from api.order_status.change_stream import ChangeStream
from api.order_status.gauges import OrderGauges
from api.orders import erasure, tracking
from api.orders import routes as orders
from api.orders.client import OrderWorkflowClient
from api.orders.erasure import ErasureClient
from api.orders.initial_projection import InitialProjection
from api.orders.lookup import OrderLookup
from api.orders.open_orders import OpenOrders
from api.orders.starting import Starting
from api.ownership import Ownership
from api.security import whoami
from api.security.authentication import AddressLimit, Authenticator, AuthorizedRoute
from api.security.limits import Limits, Rates, limits_of
from api.security.openapi import DescribedApi
from api.security.tokens import tokens_of, trust_of
from domain.common import contexts
from domain.installation import ContactPolicy
from observability.health import Health
from observability.loop_delay import LoopDelay
from observability.queue_gauges import QueueGauges
from observability.telemetry import SILENT, Telemetry
from runtime import development_issuer
from runtime.http_cookies import WithoutCookies
from runtime.payload_codec import ENCRYPTED, Encryption
from runtime.settings import Settings
from runtime.temporal_client import call_dispatcher, check, connect, payload_keys_of, register_search_attributes
from stores.audit.access_log import AccessLogStore
from stores.audit.heads import HeadsFile
from stores.audit.trail import AuditStore
from stores.common.database import Database
from stores.common.revisions import Schema
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.census import OrderCensus
from stores.order_status.view import OrderStatusStore

_DATABASE_WITHIN = 2.0
"""Seconds for a database to answer."""
_REGISTER_WITHIN = 2.0
"""Seconds for Temporal to register the search attributes."""
_AGAIN_AFTER = 1.0
"""Seconds between two tries of a task that has to succeed once."""

_log = structlog.get_logger(__name__)


_CORS: Mapping[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID"],
    "expose_headers": ["Feed-Position", "Idempotent-Replayed", "Location", "Retry-After"],
}
"""What pages of other origins may send and read."""


class Api(DescribedApi):
    """The app. Every response has the security headers, even one that no middleware sees, as after a crash."""

    page_policies: Mapping[str, str]

    def build_middleware_stack(self) -> ASGIApp:
        """Return the middleware stack, with the response headers outermost."""
        return ResponseHeaders(super().build_middleware_stack(), self.page_policies)


def create_app(settings: Settings, telemetry: Telemetry = SILENT) -> FastAPI:
    """Create the app. It starts even if its dependencies are down, and serves what does not need them.

    Raises:
        InsecureConfiguration: as `Settings.require_authentication_beyond_loopback`, and as `Revocations`.
    """
    trust, required = trust_of(settings), settings.requires_authentication
    limits = limits_of(settings)
    health = Health(sdk=telemetry.sdk)
    health.registry.register(ENCRYPTED)
    authenticator = Authenticator(tokens_of(settings, trust, health.registry), Rates(limits.rates), required=required)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.auth_issuer is None:
            development_issuer.publish(settings.data_dir)
        async with authenticator.running(), _opened(settings, limits, health, telemetry) as services:
            app.state.services = services
            app.state.ownership, app.state.audit_trail = services.get(Ownership), services.get(AuditTrail)
            if not required:
                _log.warning("no token is required: everybody on this machine who shows none may do everything")
            health.ready()
            yield
            await stop_serving(app)

    app = Api(
        title="Subscription orders · 가입신청",
        description="Orders of internet and IPTV, from the customer's request to the finished installation.",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_traced(telemetry),
    )
    app.state.health = health
    app.state.authenticator = authenticator
    app.state.large_bodies = LargeBodies()
    app.state.parsing = asyncio.Lock()
    app.trust, app.requires_tokens = trust, required
    for collection in (
        orders,
        management_center,
        staffing,
        calendars,
        installation,
        order_status,
        erasure,
        tracking,
        codec,
        audit,
        access_log,
        whoami,
    ):
        app.include_router(collection.router)
    app.include_router(health.router(AuthorizedRoute))
    app.page_policies = docs.install(app, _origin(trust.discovery))
    problems.install(app)
    app.add_middleware(AccessRecording, access_log=lambda: app.state.services.get(AccessLog))
    if not required:
        origins = {"/": settings.api_origins, f"{codec.router.prefix}/": settings.web_ui_origins}
        app.add_middleware(LocalRequestsOnly, hosts=settings.api_hosts, origins=origins)
    app.add_middleware(HostCheck)
    app.add_middleware(AddressLimit, authenticator=authenticator)
    app.add_middleware(
        RequestMetrics,
        registry=health.registry,
        also=lambda *answered: app.state.services.get(AuditTrail).record(*answered),
    )
    app.add_middleware(RequestContext)
    app.add_middleware(WithoutCookies)
    if settings.api_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.api_origins, **_CORS)
    app.add_middleware(codec.CodecCors, origins=settings.web_ui_origins)
    return app


def _origin(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def _traced(telemetry: Telemetry) -> TelemetryConfig:
    # The app has its own metrics and logs. The remaining options would be evaluated for every request.
    config = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False)
    if telemetry.tracing is not None:
        config |= TelemetryConfig(tracing=True, tracer_provider=telemetry.tracing.provider, exclude=_is_a_probe)
    return config


def _is_a_probe(scope: Scope) -> bool:
    return str(scope["path"]).startswith(("/health/", "/metrics"))


async def stop_serving(app: FastAPI) -> None:
    """Report that the process is stopping, and end the streams, which do not end by themselves."""
    app.state.health.stopping()
    await app.state.services.get(ChangeStream).stop()


@asynccontextmanager
async def _opened(settings: Settings, limits: Limits, health: Health, telemetry: Telemetry) -> AsyncIterator[Services]:
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
        services = _services(settings, limits, health, client, databases)
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
    settings: Settings, limits: Limits, health: Health, client: Client, databases: dict[str, Database]
) -> Services:
    statuses = OrderStatusStore(databases[contexts.ORDER_STATUS], settings.booking_rules.grid)
    management_center = ManagementCenterStore(databases[contexts.MANAGEMENT_CENTER], settings.booking_rules)
    starting = Starting(client, most_in_flight=settings.max_starts_in_flight)
    in_flight = Gauge(
        "starts_in_flight", "Orders whose workflow is being started at this moment", registry=health.registry
    )
    in_flight.set_function(lambda: starting.in_flight)
    workflows = OrderWorkflowClient(client, OrderLookup(client, statuses), starting)
    audit_store, access_store = AuditStore(databases[contexts.AUDIT]), AccessLogStore(databases[contexts.AUDIT])
    access_log_key = key_of(settings)
    installations = InstallationStore(databases[contexts.INSTALLATION])
    retired = RetiredEngineers(management_center)
    return Services(
        workflows,
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
        DispatchTrigger(management_center.has_due, partial(call_dispatcher, client)),
        retired,
        Ownership(workflows, installations, management_center, retired),
        Encryption(payload_keys_of(settings), client.namespace),
        EncodingBudget(),
        ErasureClient(client),
    )


def _measure(health: Health, settings: Settings, client: Client, databases: dict[str, Database]) -> None:
    """Add the metrics of the whole system. They are here because the API answers even if every worker is down."""
    orders = OrderGauges(OrderCensus(databases[contexts.ORDER_STATUS]), health.registry)
    queues = QueueGauges(client, health.registry)
    health.measurements.add("orders", orders.measure, orders.forget)
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
