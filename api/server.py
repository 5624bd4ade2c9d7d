"""The HTTP server around the app: it stops within a bounded time, whoever still listens to a stream.

A balancer learns only with its next probe that a process is about to stop. `DRAIN_SECONDS` is the time for that: the
readiness says `stopping`, while everything is still served.
"""

import asyncio
import gc
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import uvicorn

from api.app import create_app, stop_serving
from api.http.protocol import BoundedProtocol
from observability.telemetry import SILENT, Telemetry
from runtime.settings import Settings

_LOOK_EVERY = 0.1
"""Seconds between two looks whether somebody is in a hurry."""


class Server(uvicorn.Server):
    """Serves one app until it is told to stop."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        self._app = create_app(settings, telemetry)
        self._drain_seconds = settings.drain_seconds
        super().__init__(
            uvicorn.Config(
                self._app,
                host=settings.api_host,
                port=settings.api_port,
                log_config=None,
                access_log=False,
                server_header=False,
                http=BoundedProtocol,
                # Who has sent a request is what a proxy says only where it is one of ours.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=math.ceil(settings.graceful_shutdown_seconds),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve. What has been loaded by then stays, and the collector need not look at it any more."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain; end the streams, which would not end by themselves; then wait for the requests under way."""
        await self._drain()
        await stop_serving(self._app)
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        """Serve on, on new connections, too; but let nobody keep one for a next request, which could be cut off."""
        self._app.state.health.stopping()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = monotonic() + self._drain_seconds
        while monotonic() < until and not self.force_exit:  # noqa: ASYNC110 - the flag is uvicorn's, set by a signal
            await asyncio.sleep(_LOOK_EVERY)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal; uvicorn's own way would raise it again after a clean stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield
