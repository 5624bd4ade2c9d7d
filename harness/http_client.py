"""HTTP client with minimal overhead, so that the service is measured and not its caller."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic, perf_counter
from typing import Any

from httptools import HttpResponseParser

_ANSWER_WITHIN = 30.0
_IDLE_FOR = 2.0
"""Seconds for which a connection is used again. The server closes one that is idle for five, maybe at that moment."""
_RETRY_AFTER = 1.0
"""Seconds, as in the `Retry-After` header of a 503."""
_NO_HEADERS: dict[str, str] = {}


@dataclass(frozen=True)
class Answer:
    """Status and body of a response."""

    status: int
    body: bytes

    def document(self) -> Any:
        """Parse the body as JSON."""
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One keep-alive connection, for one request at a time. It reconnects if the server has closed it, or may soon."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._answer: asyncio.Future[Answer] | None = None
        self._answered_at = 0.0

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        token: str | None = None,
        *,
        headers: dict[str, str] = _NO_HEADERS,
    ) -> Answer:
        """Send a request and wait for its response.

        Args:
            method: The method.
            path: The path with its query.
            body: The body: JSON, unless a header says otherwise.
            token: A bearer token.
            headers: Further headers, or others than the usual ones.

        Raises:
            TimeoutError, ConnectionError: there is none.
        """
        transport = await self._connected()
        fields = {"Host": self._host}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        if body is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (fields | headers).items())
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + (body or b""))
        async with asyncio.timeout(_ANSWER_WITHIN):
            return await self._answer

    async def answered(self, method: str, path: str, body: bytes | None = None, token: str | None = None) -> Answer:
        """Send a request, and repeat it after each 503, which a stall of the machine is enough for.

        Raises:
            TimeoutError, ConnectionError: there is no response.
        """
        while True:
            answer = await self.request(method, path, body, token)
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                return answer
            await asyncio.sleep(_RETRY_AFTER)

    async def timed(self, path: str) -> tuple[float, Answer]:
        """Send a GET request that has to succeed. Returns the seconds until it has, and the response.

        Raises:
            TimeoutError, ConnectionError: there is none.
            RuntimeError: the status is not 200.
        """
        began = perf_counter()
        answer = await self.answered("GET", path)
        took = perf_counter() - began
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"GET {path}: {answer.status} {answer.body.decode()}")
        return took, answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport:
            self._transport.abort()

    async def _connected(self) -> asyncio.Transport:
        if monotonic() - self._answered_at > _IDLE_FOR:
            self.close()
        if self._transport is None or self._transport.is_closing():
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_connection(lambda: self, self._host, self._port)
        return self._transport

    # --- asyncio.Protocol and the parser's callbacks ------------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the current request, because the connection was closed."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Parse a part of a response."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect a part of a body."""
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Complete the current request with its response."""
        answer = Answer(self._parser.get_status_code(), b"".join(self._chunks))
        self._chunks = []
        self._parser = HttpResponseParser(self)
        self._answered_at = monotonic()
        if self._answer and not self._answer.done():
            self._answer.set_result(answer)


@asynccontextmanager
async def connections(address: tuple[str, int], count: int) -> AsyncIterator[Sequence[Connection]]:
    """Provide connections to a server. They are opened when they are first used, and closed at the end."""
    opened = [Connection(*address) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()
