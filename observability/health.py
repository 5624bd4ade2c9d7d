"""Health and metrics of a process: the same three routes on the API and on each worker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from pydantic import BaseModel

from domain.common import contexts
from observability.measurements import Measurements
from runtime.http_connections import ConnectionLimits
from runtime.http_cookies import WithoutCookies
from runtime.http_protocol import bounded

if TYPE_CHECKING:
    from observability.sdk_runtime import SdkMetrics

_CHECK_WITHIN = 1.0
"""Timeout in seconds of the check of one part."""
_FRESH_FOR = 1.0
"""Seconds for which a result is reused for other probes."""
_FINISH_WITHIN = 2
"""Seconds that a probe in progress has to finish when the process stops."""

MOST_CONNECTIONS = 100
"""Connections to the port of a process that serves nothing else."""

Check = Callable[[], Awaitable[object]]
"""Raises an exception if the part does not work."""
Phase = Literal["starting", "running", "stopping"]
"""Phase of a process's life."""
State = Literal["up", "down"]


class Liveness(BaseModel):
    """The process runs."""

    status: Literal["live"] = "live"


class Readiness(BaseModel):
    """Whether the process can serve requests, and the state of the parts that it depends on."""

    status: Literal["ready", "degraded", "starting", "stopping"]
    parts: dict[str, State]


class Health:
    """Health of a process: its dependencies and its phase, at first `starting`."""

    def __init__(self, checks: Mapping[str, Check] | None = None, sdk: "SdkMetrics | None" = None) -> None:
        """Create the health of a process that is starting.

        Args:
            checks: Checks of the parts that it depends on, by name.
            sdk: Metrics of Temporal's SDK in this process, which `/metrics` includes.
        """
        self.checks: dict[str, Check] = dict(checks or {})
        self.registry = process_registry()
        self.measurements = Measurements(self.registry)
        self._refusing = Gauge(
            "store_breaker_open",
            "1 while calls to a database are refused because it hangs, otherwise 0",
            ("store",),
            registry=self.registry,
        )
        self._sdk = sdk
        self.phase: Phase = "starting"
        self._parts: dict[str, State] = {}
        self._checked_at = -_FRESH_FOR
        self._checking = asyncio.Lock()

    def add_store(self, context: str, check: Check, refusing: Callable[[], bool]) -> None:
        """Add a context's database as a dependency. `refusing` says whether its breaker is open."""
        self.checks[contexts.STORES[context]] = check
        self._refusing.labels(context).set_function(refusing)

    def ready(self) -> None:
        """Mark the process as accepting work."""
        self.phase = "running"

    def stopping(self) -> None:
        """Mark the process as accepting no more work."""
        self.phase = "stopping"

    async def readiness(self) -> Readiness:
        """Return the current readiness. Results are reused for a moment, so that frequent probes stay cheap."""
        if self.phase != "running":
            return Readiness(status=self.phase, parts=self._parts)
        async with self._checking:
            if monotonic() - self._checked_at >= _FRESH_FOR:
                answers = await asyncio.gather(*map(_state, self.checks.values()))
                self._parts = dict(zip(self.checks, answers, strict=True))
                self._checked_at = monotonic()
        return Readiness(status="degraded" if "down" in self._parts.values() else "ready", parts=self._parts)

    def router(self, route_class: type[APIRoute] = APIRoute) -> APIRouter:
        """Create the routes for the app of the process."""
        router = APIRouter(tags=["health"], route_class=route_class)

        @router.get("/health/live")
        async def live() -> Liveness:
            """The process runs."""
            return Liveness()

        @router.get("/health/ready", responses={503: {"model": Readiness, "description": "Starting or stopping"}})
        async def ready(response: Response) -> Readiness:
            """What the process can do now; `degraded` where a part is down and the rest is served."""
            readiness = await self.readiness()
            if readiness.status in ("starting", "stopping"):
                response.status_code = 503
            return readiness

        @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
        async def metrics() -> Response:
            """For Prometheus."""
            await self.measurements.refresh()
            text = generate_latest(self.registry)
            if self._sdk is not None:
                text += await self._sdk.text()
            return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

        return router


def process_registry() -> CollectorRegistry:
    """Create a registry for the metrics of one process, including those of the platform."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int) -> AsyncIterator[None]:
    """Serve the routes on a separate port, for a process that serves nothing else.

    Raises:
        OSError: the port is taken.
    """
    app = FastAPI(openapi_url=None)
    app.include_router(health.router())
    app.add_middleware(WithoutCookies)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        http=bounded(ConnectionLimits(MOST_CONNECTIONS)),
        timeout_graceful_shutdown=_FINISH_WITHIN,
    )
    server = _ServerWithoutSignals(config)
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _ServerWithoutSignals(uvicorn.Server):
    """Server that leaves the signals of the process alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _state(check: Check) -> State:
    try:
        async with asyncio.timeout(_CHECK_WITHIN):
            await check()
    except Exception:  # noqa: BLE001 - any error means that the part does not work
        return "down"
    return "up"
