"""Bounds the size of a request on the wire, and the time in which its head arrives. Its reader bounds the body.

Without these bounds, the parser would buffer any amount of data for any time, even after the response.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024
"""Bytes of the request line and the header fields. A token may take 8 KiB of them."""
LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of the whole request, including the framing of chunks and the trailer."""
HEAD_WITHIN = 10.0
"""Seconds for the head, from its first byte; before that, from the connection or from the previous response."""
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_SLOW = "408 Request Timeout"


class HeadTooLarge(Exception):
    """The head of a request is too large. Ends the parsing."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with bounded requests."""

    _in_head = False
    _size = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._begin_head()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

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
        if not self._in_head:
            self._begin_head()
            self._stop_waiting()
            self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a field of the head. Fields of the trailer are ignored, because nothing has checked them."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """End the head.

        Raises:
            HeadTooLarge: the head arrived in one piece, and is too large.
        """
        self._size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._size > LARGEST_HEAD:
            raise HeadTooLarge
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless one has begun. The rest of this one is ignored."""
        super().on_response_complete()
        if self.cycle.response_complete and self._deadline is None and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser, or this class, has rejected."""
        if self._in_head and self._size > LARGEST_HEAD:
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

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
        self.transport.write(f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()
