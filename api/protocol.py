"""The head of a request, its line and header fields, on the wire: so large, and so long in coming, and no more.

The parser beneath would collect whatever comes, for as long as it comes.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 32 * 1024
"""Bytes; a token may have 8 KiB of them."""
HEAD_WITHIN = 10.0
"""Seconds, from the first byte, or from the connection where nothing has come yet."""
_TOO_LARGE = "431 Request Header Fields Too Large"
_TOO_SLOW = "408 Request Timeout"


class HeadTooLarge(Exception):
    """Ends the parsing."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with heads that are bounded."""

    _in_head = False
    _head_size = 0
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
        if self._in_head:
            self._head_size += len(data)
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._head_size > LARGEST_HEAD:
                self._refuse(_TOO_LARGE)
            elif self._deadline is None:
                self._wait()

    def on_message_begin(self) -> None:
        """Another request begins."""
        super().on_message_begin()
        if not self._in_head:
            self._begin_head()
            self._wait()

    def on_headers_complete(self) -> None:
        """The head is there.

        Raises:
            HeadTooLarge: and it came in one piece.
        """
        self._head_size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if self._head_size > LARGEST_HEAD:
            raise HeadTooLarge
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser has not taken; or what we have not let it take."""
        if self._head_size > LARGEST_HEAD:
            self._refuse(_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _begin_head(self) -> None:
        self._in_head, self._head_size = True, 0

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEAD_WITHIN, self._refuse, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: str) -> None:
        self._stop_waiting()
        self.transport.write(f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
        self.transport.close()
