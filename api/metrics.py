"""What the API counts of its requests, and logs of them at DEBUG."""

from http import HTTPStatus
from time import perf_counter

import structlog
from prometheus_client import CollectorRegistry, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class RequestMetrics:
    """Middleware that counts requests by route and status, with the time until the answer began."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "http_request_seconds",
            "Time until the answer began",
            ("method", "route", "status"),
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = perf_counter(), False

        async def note(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._note(scope, message["status"], perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception:
            # The framework answers what nobody else has caught, and does so outside of all middleware.
            if not answered:
                self._note(scope, HTTPStatus.INTERNAL_SERVER_ERROR.value, perf_counter() - began)
            raise

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # Neither path nor method as they were sent: anybody could make up any number of them.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self._seconds.labels(method, route, status).observe(seconds)
        _log.debug("answered", method=method, route=route, status=status, seconds=round(seconds, 4))
