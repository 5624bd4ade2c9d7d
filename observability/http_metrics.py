"""Observes the requests: counts them, logs them at DEBUG, and passes them to a further observer. Counts connections."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from time import perf_counter

import structlog
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.http_connections import ConnectionLimits

_log = structlog.get_logger(__name__)

Observer = Callable[[Scope, int, Iterable[tuple[bytes, bytes]]], None]
"""Receives a request, the status of its response, and the response's headers."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class RequestMetrics:
    """Middleware that counts requests by route and status, with the time until the response began."""

    def __init__(
        self,
        app: ASGIApp,
        registry: CollectorRegistry,
        name: str = "http_request_seconds",
        also: Observer | None = None,
    ) -> None:
        """
        Args:
            app: The app that answers.
            registry: The registry of the process's metrics.
            name: The name of the metric.
            also: Observes every answer, too.
        """
        self._app = app
        self._also = also
        self._seconds = Histogram(
            name,
            "Time from a request to the start of its response",
            ("method", "route", "status"),
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and observe its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, answered = perf_counter(), False

        async def note(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                self._note(scope, message["status"], perf_counter() - began, message.get("headers", ()))
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            # The framework answers uncaught errors outside of all middleware. The server answers requests that are
            # interrupted because the process ends. These may have been carried out all the same.
            if not answered:
                self._note(scope, HTTPStatus.INTERNAL_SERVER_ERROR.value, perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        # Not the path and method as they were sent: clients could invent any number of them.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "none")
        self._seconds.labels(method, route, status).observe(seconds)
        _log.debug("request answered", method=method, route=route, status=status, seconds=round(seconds, 4))
        if self._also is not None:
            self._also(scope, status, headers)


class ConnectionMetrics(Collector):
    """The metrics of a server's connections."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        yield GaugeMetricFamily("http_connections", "Open connections of clients", value=self._limits.total)
        yield CounterMetricFamily(
            "http_connections_refused",
            "Connections that were closed at once, because the address or the process had too many",
            value=self._limits.refused,
        )
