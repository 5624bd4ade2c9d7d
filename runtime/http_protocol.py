"""Bounds what one connection may keep of a server: requests in size, time and number, and unread responses in time.

Without these bounds, the parser would buffer any amount of data for any time, even after the response, and a client
that does not read would keep its response and its connection for good. The reader of a request bounds the body.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from runtime.http_connections import ConnectionLimits

LARGEST_HEAD = 32 * 1024
"""Bytes of the request line and the header fields. A token may take 8 KiB of them."""
LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of the whole request, including the framing of chunks and the trailer."""
HEAD_WITHIN = 10.0
"""Seconds for the head, from its first byte; before that, from the connection or from the previous response."""
WRITE_WITHIN = 10.0
"""Seconds within which the client has to take a part of what waits to be sent. Otherwise the connection is aborted."""
MOST_PIPELINED = 8
"""Requests of one connection that wait for the response to an earlier one."""
ABORT = "connection.abort"
"""Key in the extensions of a request's scope. Its value is a function that ends the connection at once."""
_LOOKS = 5
"""Looks at a connection within `WRITE_WITHIN`. They are counted, so that a pause of this process counts for little."""
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_SLOW = "408 Request Timeout"


class HeadTooLarge(Exception):
    """The head of a request is too large. Ends the parsing."""


class TooManyPipelined(Exception):
    """Too many requests wait for the response to an earlier one. Ends the parsing."""


def bounded(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """Return the protocol of a server with these limits, as `uvicorn.Config` takes it."""
    return cast("type[asyncio.Protocol]", partial(BoundedProtocol, limits))


class _CountingTransport:
    """A transport that counts what is written, and so knows how much of it the client has taken."""

    def __init__(self, transport: asyncio.Transport, written: Callable[[], None]) -> None:
        self._transport = transport
        self._notify = written
        self._written = 0

    def write(self, data: bytes) -> None:
        self._written += len(data)
        self._transport.write(data)
        self._notify()

    @property
    def taken(self) -> int:
        """Bytes that the client, or the kernel for it, has taken so far."""
        return self._written - self._transport.get_write_buffer_size()

    @property
    def has_all_taken(self) -> bool:
        return self._transport.get_write_buffer_size() == 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounds."""

    _in_head = False
    _size = 0
    _deadline: asyncio.TimerHandle | None = None
    _admitted = False
    _output: _CountingTransport
    _taken = 0
    _looks = 0
    _next_look: asyncio.TimerHandle | None = None

    def __init__(
        self,
        limits: ConnectionLimits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._cycles: deque[RequestResponseCycle] = deque()
        """The requests without a complete response. The first one is being carried out, the others wait."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request. A connection beyond the limits is closed at once."""
        self._output = _CountingTransport(transport, self._watch)
        super().connection_made(cast("asyncio.Transport", self._output))
        self._admitted = self._limits.admit(self._host)
        if not self._admitted:
            transport.abort()
            return
        self._begin_head()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting, and tell every request that its client has gone. uvicorn tells only the latest one."""
        self._stop_waiting()
        if self._next_look is not None:
            self._next_look.cancel()
        if self._admitted:
            self._limits.release(self._host)
        super().connection_lost(exc)
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()
        self._cycles.clear()
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        """Parse the data. Most heads arrive in one piece, and need no timer."""
        self._size += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._size > LARGEST_HEAD:
            self._refuse(_TOO_LARGE)
        elif self._size > LARGEST_REQUEST:
            self.transport.close()
        elif self._in_head and self._deadline is None:
            self._wait()

    def on_message_begin(self) -> None:
        """Begin the head of another request."""
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]
        if not self._in_head:
            self._begin_head()
            self._stop_waiting()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field of the head. Fields of the trailer are ignored, because nothing has checked them."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head.

        Raises:
            HeadTooLarge: the head arrived in one piece, and is too large.
            TooManyPipelined: too many requests wait already.
        """
        self._size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._size > LARGEST_HEAD:
            raise HeadTooLarge
        if len(self._cycles) > MOST_PIPELINED:
            raise TooManyPipelined
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()
        self._cycles.append(self.cycle)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless one has begun. The rest of this one is ignored."""
        if self._cycles:
            self._cycles.popleft()
        super().on_response_complete()
        if self.cycle.response_complete and self._deadline is None and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser, or this class, has rejected."""
        if self._cycles or (self._in_head and self._size > LARGEST_HEAD):
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    @property
    def _host(self) -> str:
        return self.client[0] if self.client else ""

    def _watch(self) -> None:
        """Look at the connection after a write until the client has taken everything."""
        if self._next_look is None:
            self._taken, self._looks = self._output.taken, 0
            self._look_later()

    def _look_later(self) -> None:
        self._next_look = self.loop.call_later(WRITE_WITHIN / _LOOKS, self._look)

    def _look(self) -> None:
        self._next_look = None
        if self._output.has_all_taken:
            return
        self._looks += 1
        if self._output.taken > self._taken:
            self._taken, self._looks = self._output.taken, 0
        if self._looks >= _LOOKS:
            self.transport.abort()
        else:
            self._look_later()

    def _begin_head(self) -> None:
        self._in_head, self._size = True, 0

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEAD_WITHIN, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        if self._in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, status: str) -> None:
        self._stop_waiting()
        if not self._cycles:  # Otherwise it would be taken for the response to an earlier request.
            self.transport.write(f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()
