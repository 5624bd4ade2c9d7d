"""The HTTP server of the console. It stops within a bounded time, after a while in which load balancers notice."""

import asyncio
import gc
import math
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import uvicorn

from console.app import create_app
from observability.telemetry import SILENT, Telemetry
from runtime.addresses import networks
from runtime.http_connections import ConnectionLimits, within_descriptors
from runtime.http_protocol import bounded
from runtime.settings import Settings

_LOOK_EVERY = 0.1
"""Seconds between two checks whether a second signal asks for a faster stop."""
_CONNECTIONS_OF_ADDRESS = 200
"""As the API's, where people are told apart."""


class Server(uvicorn.Server):
    """Serves the pages until it is told to stop."""

    def __init__(self, settings: Settings, telemetry: Telemetry = SILENT) -> None:
        self._app = create_app(settings, telemetry)
        self._drain_seconds = settings.drain_seconds
        of_address = settings.max_connections_per_address
        if of_address is None:
            of_address = _CONNECTIONS_OF_ADDRESS if settings.requires_authentication else 0
        limits = ConnectionLimits(
            within_descriptors(settings.max_connections), of_address, networks(settings.trusted_proxies)
        )
        super().__init__(
            uvicorn.Config(
                self._app,
                host=settings.console_host,
                port=settings.console_port,
                log_config=None,
                access_log=False,
                server_header=False,
                http=bounded(limits),
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=math.ceil(settings.graceful_shutdown_seconds),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving. Objects that exist by now are permanent, and are exempted from garbage collection."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end the streams, which would not end by themselves, then wait for the running requests."""
        self._app.state.health.stopping()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = monotonic() + self._drain_seconds
        while monotonic() < until and not self.force_exit:  # noqa: ASYNC110 - the flag is uvicorn's, set by a signal
            await asyncio.sleep(_LOOK_EVERY)
        await self._app.state.console.streams.stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal. uvicorn's own version would raise the signal again after a clean stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield
