"""The app: the routes that it serves, and the middleware before them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from api.audit import access_routes as access_log
from api.audit import routes as audit
from api.audit.access_log import AccessLog, AccessRecording
from api.audit.trail import AuditTrail
from api.codec import routes as codec
from api.event_delivery import asyncapi
from api.event_delivery import held_routes as held_orders
from api.event_delivery import ping as event_pings
from api.event_delivery import routes as events
from api.event_delivery import subscription_routes as event_subscriptions
from api.event_delivery.log_watch import LogWatch
from api.http import docs, problems
from api.http.bodies import LargeBodies
from api.http.hosts import HostCheck, LocalRequestsOnly
from api.http.request_context import RequestContext
from api.http.response_headers import ResponseHeaders
from api.installation import routes as installation
from api.management_center import calendar_routes as calendars
from api.management_center import routes as management_center
from api.management_center import staff_routes as staffing
from api.order_status import routes as order_status
from api.order_status.change_stream import ChangeStream
from api.orders import erasure, tracking
from api.orders import routes as orders
from api.ownership import Ownership
from api.resources import opened
from api.security import whoami
from api.security.authentication import AddressLimit, Authenticator, AuthorizedRoute
from api.security.limits import Rates, limits_of
from api.security.openapi import DescribedApi
from api.security.tokens import tokens_of, trust_of
from observability.health import Health
from observability.http_metrics import RequestMetrics
from observability.request_tracing import traced
from observability.telemetry import SILENT, Telemetry
from runtime import development_issuer
from runtime.http_cookies import WithoutCookies
from runtime.payload_codec import ENCRYPTED
from runtime.settings import Settings

_COLLECTIONS = (
    orders,
    management_center,
    staffing,
    calendars,
    installation,
    order_status,
    events,
    event_subscriptions,
    held_orders,
    event_pings,
    erasure,
    tracking,
    codec,
    audit,
    access_log,
    whoami,
)
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
        async with authenticator.running(), opened(settings, limits, health, telemetry) as services:
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
        telemetry=traced(telemetry),
    )
    app.state.health = health
    app.state.authenticator = authenticator
    app.state.large_bodies = LargeBodies()
    app.state.parsing = asyncio.Lock()
    app.trust, app.requires_tokens = trust, required
    # As they are: routes that a router includes are prepared anew for each app, and matched twice for each request.
    app.router.routes.extend(route for collection in _COLLECTIONS for route in collection.router.routes)
    app.include_router(health.router(AuthorizedRoute))
    asyncapi.install(app)
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


async def stop_serving(app: FastAPI) -> None:
    """Report that the process is stopping, and end the streams, and the requests that wait for events."""
    app.state.health.stopping()
    await app.state.services.get(ChangeStream).stop()
    await app.state.services.get(LogWatch).stop()
