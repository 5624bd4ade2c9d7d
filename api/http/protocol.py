"""What a request is on the wire: so large, and so long in coming, and no more. Its body is bounded by who reads it.

The parser beneath would collect whatever comes, for as long as it comes: also once the request has been answered.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024
"""Bytes of its line and header fields; a token may have 8 KiB of them."""
LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes of all of it, however its body is cut into chunks, and whatever trails that."""
HEAD_WITHIN = 10.0
"""Seconds, from the first byte; or from the connection, or the answer before, where nothing has come yet."""
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_SLOW = "408 Request Timeout"


class HeadTooLarge(Exception):
    """Ends the parsing."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with requests that are bounded."""

    _in_head = False
    _size = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._begin_head()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; most heads come in one piece, and are not waited for."""
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
        """Another request begins."""
        super().on_message_begin()
        if not self._in_head:
            self._begin_head()
            self._stop_waiting()
            self._wait()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take what is in the head; a field that trails the body is nothing that anybody has looked at."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there.

        Raises:
            HeadTooLarge: and it came in one piece.
        """
        self._size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._size > LARGEST_HEAD:
            raise HeadTooLarge
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, if none is under way; what is left of this one, nobody needs any more."""
        super().on_response_complete()
        if self.cycle.response_complete and self._deadline is None and not self.transport.is_closing():
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has not taken; or what we have not let it take."""
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
