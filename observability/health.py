"""Whether a process lives, what it can do, and what it counts: the same three routes on the API and on each worker."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Literal

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
from observability.sdk_runtime import SdkMetrics

_CHECK_WITHIN = 1.0
"""Seconds that a part has to answer in."""
_FRESH_FOR = 1.0
"""Seconds for which an answer serves other probes, too."""
_FINISH_WITHIN = 2
"""Seconds that a probe under way has when the process stops."""

Check = Callable[[], Awaitable[object]]
"""Raises where the part does not work."""
Phase = Literal["starting", "running", "stopping"]
"""Where a process is in its life."""
State = Literal["up", "down"]


class Liveness(BaseModel):
    """The process runs."""

    status: Literal["live"] = "live"


class Readiness(BaseModel):
    """What the process can do now."""

    status: Literal["ready", "degraded", "starting", "stopping"]
    parts: dict[str, State]


class Health:
    """What a process depends on, and where in its life it is: `starting`, until it says otherwise."""

    def __init__(self, checks: Mapping[str, Check] | None = None, sdk: SdkMetrics | None = None) -> None:
        """A process that is starting.

        Args:
            checks: The parts that it depends on, by name.
            sdk: What Temporal's SDK counts in it; `/metrics` shows that, too.
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
        """The process depends on a context's database, and may refuse to use it for a while."""
        self.checks[contexts.STORES[context]] = check
        self._refusing.labels(context).set_function(refusing)

    def ready(self) -> None:
        """The process takes work."""
        self.phase = "running"

    def stopping(self) -> None:
        """The process takes no more work."""
        self.phase = "stopping"

    async def readiness(self) -> Readiness:
        """What works now, or a moment ago: probes are cheap, however many come."""
        if self.phase != "running":
            return Readiness(status=self.phase, parts=self._parts)
        async with self._checking:
            if monotonic() - self._checked_at >= _FRESH_FOR:
                answers = await asyncio.gather(*map(_state, self.checks.values()))
                self._parts = dict(zip(self.checks, answers, strict=True))
                self._checked_at = monotonic()
        return Readiness(status="degraded" if "down" in self._parts.values() else "ready", parts=self._parts)

    def router(self, route_class: type[APIRoute] = APIRoute) -> APIRouter:
        """The routes, for the app of the process."""
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
            shown = generate_latest(self.registry)
            if self._sdk is not None:
                shown += await self._sdk.text()
            return Response(shown, headers={"Content-Type": CONTENT_TYPE_LATEST})

        return router


def process_registry() -> CollectorRegistry:
    """A registry for one process's metrics, with what the platform says of the process."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int) -> AsyncIterator[None]:
    """Serve the routes on a port of their own, for a process that serves nothing else.

    Raises:
        OSError: the port is taken.
    """
    app = FastAPI(openapi_url=None)
    app.include_router(health.router())
    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=_FINISH_WITHIN
    )
    server = _Guest(config)
    with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


class _Guest(uvicorn.Server):
    """A server in a process whose signals are somebody else's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _state(check: Check) -> State:
    try:
        async with asyncio.timeout(_CHECK_WITHIN):
            await check()
    except Exception:  # noqa: BLE001 - whatever it is, the part does not work
        return "down"
    return "up"
