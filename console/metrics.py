"""Counts the requests by route and status, and says who may read the metrics."""

import asyncio
from http import HTTPStatus
from time import perf_counter

import httpx2
import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METRICS = "/metrics"
PAGE = "page"
"""Key in the scope of a request: the path of its route."""
_ASK_WITHIN = 3.0

_log = structlog.get_logger(__name__)


class RequestMetrics:
    """Middleware that counts requests, with the time until the response began."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "console_request_seconds",
            "Time from a request for a page to the start of its response",
            ("method", "route", "status"),
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and observe its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            # The path of the route, because the path that was sent may be anything.
            route = scope.get(PAGE) or getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            seconds = perf_counter() - began
            self._seconds.labels(method, route, status).observe(seconds)
            _log.debug("page answered", method=method, route=route, status=status, seconds=round(seconds, 4))


class MetricsForOperators:
    """Middleware that shows the metrics only to whom the API shows its own: those who have a token of an operator."""

    def __init__(self, app: ASGIApp, client: httpx2.AsyncClient) -> None:
        self._app = app
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "http" and scope["path"] == METRICS and not await self._is_operator(Request(scope)):
            await PlainTextResponse("For operators.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _is_operator(self, request: Request) -> bool:
        token = request.headers.get("Authorization", "")
        if not token:
            return False
        try:
            async with asyncio.timeout(_ASK_WITHIN):
                response = await self._client.get("/whoami", headers={"Authorization": token})
                return response.is_success and "operator" in response.json()["roles"]
        except (TimeoutError, httpx2.HTTPError, ValueError, KeyError, TypeError):
            return False
