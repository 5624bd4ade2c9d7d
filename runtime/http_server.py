"""HTTP server of a process. It stops within a bounded time, even if clients still listen to streams.

A load balancer learns only from its next probe that a process is about to stop. During `DRAIN_SECONDS`, the readiness
check says `stopping`, and requests are still served.
"""

import asyncio
import math
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import uvicorn

from runtime import garbage
from runtime.addresses import networks
from runtime.http_connections import OWN_DESCRIPTORS, ConnectionLimits, within_descriptors
from runtime.http_protocol import bounded
from runtime.settings import Settings

_LOOK_EVERY = 0.1
"""Seconds between two checks whether a second signal asks for a faster stop."""


class DrainingServer(uvicorn.Server):
    """Serves one app until it is told to stop."""

    def __init__(
        self,
        app: Callable[..., Any],
        address: tuple[str, int],
        settings: Settings,
        *,
        connections_of_address: int,
        own_descriptors: int = OWN_DESCRIPTORS,
        stopping: Callable[[], None],
        end_streams: Callable[[], Awaitable[None]],
    ) -> None:
        """Create a server.

        Args:
            app: The ASGI app.
            address: The host and the port on which to listen.
            settings: The limits of connections, the trusted proxies, and the times for stopping.
            connections_of_address: The largest number of connections of one address. 0: any number.
            own_descriptors: File descriptors that the process needs beside the connections to this server.
            stopping: Lets the readiness check say that the process stops.
            end_streams: Ends the streams, which would not end by themselves.
        """
        self.connection_limits = ConnectionLimits(
            within_descriptors(settings.max_connections, own_descriptors),
            connections_of_address,
            networks(settings.trusted_proxies),
        )
        self._drain_seconds = settings.drain_seconds
        self._stopping = stopping
        self._end_streams = end_streams
        host, port = address
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                http=bounded(self.connection_limits),
                # A proxy's statement about the client counts only if the proxy is trusted.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=settings.trusted_proxies,
                timeout_graceful_shutdown=math.ceil(settings.graceful_shutdown_seconds),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving. Objects that exist by now are permanent, and are no garbage."""
        await super().startup(sockets)
        garbage.collect_seldom()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end the streams, then wait for the running requests."""
        await self._drain()
        await self._end_streams()
        await super().shutdown(sockets)

    async def _drain(self) -> None:
        """Keep serving, also new connections, but close each after its response: no later request is then cut off."""
        self._stopping()
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        until = monotonic() + self._drain_seconds
        while monotonic() < until and not self.force_exit:  # noqa: ASYNC110 - the flag is uvicorn's, set by a signal
            await asyncio.sleep(_LOOK_EVERY)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal. uvicorn's own version would raise the signal again after a clean stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield
