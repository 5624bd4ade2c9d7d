"""The app: what it opens, what runs in its background, what it serves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
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

from api.audit import routes as audit
from api.audit.trail import AuditTrail
from api.codec import routes as codec
from api.dependencies import Services
from api.http import docs, problems
from api.http.metrics import RequestMetrics
from api.http.request_context import RequestContext
from api.http.response_headers import ResponseHeaders
from api.installation import routes as installation
from api.management_center import routes as management_center
from api.management_center import staff_routes as staffing
from api.management_center.dispatch_trigger import DispatchTrigger
from api.order_status import routes as order_status
from api.order_status.change_stream import ChangeStream
from api.order_status.gauges import OrderGauges
from api.orders import erasure
from api.orders import routes as orders
from api.orders.client import OrderWorkflowClient
from api.orders.erasure import ErasureClient
from api.orders.initial_projection import InitialProjection
from api.orders.lookup import OrderLookup
from api.orders.open_orders import OpenOrders
from api.orders.starting import Starting
from api.ownership import Ownership
from api.security.authentication import Authenticator, AuthorizedRoute
from api.security.limits import Limits, Rates, limits_of
from api.security.openapi import DescribedApi
from api.security.tokens import Tokens, trust_of
from domain.common import contexts
from observability.health import Health
from observability.queue_gauges import QueueGauges
from observability.telemetry import SILENT, Telemetry
from runtime.payload_codec import Encryption
from runtime.settings import Settings
from runtime.temporal_client import call_dispatcher, check, connect, payload_keys_of, register_search_attributes
from stores.audit.trail import AuditStore
from stores.common.database import Database
from stores.common.revisions import Schema
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.census import OrderCensus
from stores.order_status.view import OrderStatusStore

_DATABASE_WITHIN = 2.0
"""Seconds for a database to answer in."""
_REGISTER_WITHIN = 2.0
"""Seconds."""
_AGAIN_AFTER = 1.0
"""Seconds between two tries of what has to succeed once."""

_log = structlog.get_logger(__name__)


_CORS: Mapping[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"],
    "expose_headers": ["Idempotent-Replayed", "Location", "Retry-After"],
}
"""What pages of other origins may send and see."""


class Api(DescribedApi):
    """The app. Every answer has the headers that guard it, also what no middleware sees, as when everything failed."""

    page_policies: Mapping[str, str]

    def build_middleware_stack(self) -> ASGIApp:
        """All of it."""
        return ResponseHeaders(super().build_middleware_stack(), self.page_policies)


def create_app(settings: Settings, telemetry: Telemetry = SILENT) -> FastAPI:
    """The service's HTTP surface. It starts, and serves what it can, whatever else is down.

    Raises:
        InsecureConfiguration: as `Settings.require_authentication_beyond_loopback`.
    """
    trust = trust_of(settings)
    limits = limits_of(settings)
    gate = Authenticator(Tokens(trust) if trust else None, Rates(limits.rates))
    health = Health(sdk=telemetry.sdk)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _opened(settings, limits, health, telemetry) as services:
            app.state.services = services
            app.state.reach, app.state.notes = services.get(Ownership), services.get(AuditTrail)
            if trust is None:
                _log.warning("authentication is off: everybody on this machine may do everything")
            health.ready()
            yield
            await stop_serving(app)
            gate.close()

    app = Api(
        title="Subscription orders · 가입신청",
        description="Orders of internet and IPTV, from the customer's wish to the finished installation.",
        version="1",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        telemetry=_traced(telemetry),
    )
    app.state.health = health
    app.state.gate = gate
    app.trust = trust
    for collection in (orders, management_center, staffing, installation, order_status, erasure, codec, audit):
        app.include_router(collection.router)
    app.include_router(health.router(AuthorizedRoute))
    app.page_policies = docs.install(app, _origin(trust.discovery) if trust else None)
    problems.install(app)
    app.add_middleware(
        RequestMetrics,
        registry=health.registry,
        also=lambda *answered: app.state.services.get(AuditTrail).note(*answered),
    )
    app.add_middleware(RequestContext)
    if settings.api_origins:
        app.add_middleware(CORSMiddleware, allow_origins=settings.api_origins, **_CORS)
    app.add_middleware(codec.CodecCors, origins=settings.web_ui_origins)
    return app


def _origin(url: str | None) -> str | None:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else None


def _traced(telemetry: Telemetry) -> TelemetryConfig:
    # Our metrics and logs are ours; what is left is asked about with every request.
    config = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False)
    if telemetry.tracing is not None:
        config |= TelemetryConfig(tracing=True, tracer_provider=telemetry.tracing.provider, exclude=_is_a_probe)
    return config


def _is_a_probe(scope: Scope) -> bool:
    return str(scope["path"]).startswith(("/health/", "/metrics"))


async def stop_serving(app: FastAPI) -> None:
    """Take no more work, and end the streams that do not end by themselves."""
    app.state.health.stopping()
    await app.state.services.get(ChangeStream).stop()


@asynccontextmanager
async def _opened(settings: Settings, limits: Limits, health: Health, telemetry: Telemetry) -> AsyncIterator[Services]:
    """The stores and the client, none of which has to answer yet, and what runs in the background."""
    async with AsyncExitStack() as open_things:
        databases = {}
        for context in contexts.STORES:
            database = Database(settings.database_url(context), name=context, deadline_seconds=_DATABASE_WITHIN)
            open_things.push_async_callback(database.dispose)
            databases[context] = database
            health.add_store(context, Schema(context, database).check, database.refusing)
        client = await connect(settings, lazy=True, interceptors=telemetry.interceptors)
        health.checks["temporal"] = partial(check, client)
        services = _services(settings, limits, health, client, databases)
        _measure(health, client, databases[contexts.ORDER_STATUS])
        registering = asyncio.create_task(_register_search_attributes(client))
        first_rows, trail, dispatching = (
            services.get(InitialProjection),
            services.get(AuditTrail),
            services.get(DispatchTrigger),
        )
        feed = services.get(ChangeStream)
        background = [
            asyncio.create_task(_kept_up(work)) for work in (first_rows.run, trail.run, dispatching.run, feed.run)
        ]
        try:
            yield services
        finally:
            registering.cancel()
            first_rows.stop()
            trail.stop()
            dispatching.stop()
            await feed.stop()
            await asyncio.gather(registering, *background, return_exceptions=True)


def _services(
    settings: Settings, limits: Limits, health: Health, client: Client, databases: dict[str, Database]
) -> Services:
    statuses = OrderStatusStore(databases[contexts.ORDER_STATUS])
    centers = ManagementCenterStore(databases[contexts.MANAGEMENT_CENTER], settings.booking_rules)
    starting = Starting(client, most_in_flight=settings.max_starts_in_flight)
    in_flight = Gauge(
        "starts_in_flight", "Orders whose workflow is being started at this moment", registry=health.registry
    )
    in_flight.set_function(lambda: starting.in_flight)
    subscriptions = OrderWorkflowClient(client, OrderLookup(client, statuses), starting)
    trail = AuditStore(databases[contexts.AUDIT])
    installations = InstallationStore(databases[contexts.INSTALLATION])
    return Services(
        subscriptions,
        InitialProjection(statuses, health.registry),
        OpenOrders(OrderCensus(databases[contexts.ORDER_STATUS]), limits.open_orders),
        settings.order_policy,
        settings.booking_rules.grid,
        centers,
        installations,
        statuses,
        trail,
        AuditTrail(trail, health.registry),
        ChangeStream(statuses, health.registry, most_of_one=limits.listeners),
        DispatchTrigger(centers.has_due, partial(call_dispatcher, client)),
        Ownership(subscriptions, installations, centers),
        Encryption(payload_keys_of(settings), client.namespace),
        ErasureClient(client),
    )


def _measure(health: Health, client: Client, order_status: Database) -> None:
    """What `/metrics` shows of the whole system; here, for the API answers while every worker is down."""
    orders = OrderGauges(OrderCensus(order_status), health.registry)
    queues = QueueGauges(client, health.registry)
    health.measurements.add("orders", orders.measure, orders.forget)
    health.measurements.add("task-queues", queues.measure, queues.forget)


async def _register_search_attributes(client: Client) -> None:
    """No order can be started before; whoever comes earlier is told to come again."""
    log = _log.warning
    while True:
        try:
            # Whoever waits for a connection holds up everybody else who needs it.
            async with asyncio.timeout(_REGISTER_WITHIN):
                await register_search_attributes(client)
        except (RPCError, RuntimeError, TimeoutError) as error:
            log("search attributes are not registered yet", error=str(error) or "no answer")
            log = _log.debug
            await asyncio.sleep(_AGAIN_AFTER)
        else:
            return


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Do work to its end, whatever it stumbles over."""
    while True:
        try:
            return await work()
        except Exception:  # noqa: BLE001 - nobody else would hear of it
            _log.exception("a background task failed and is started again")
            await asyncio.sleep(_AGAIN_AFTER)
