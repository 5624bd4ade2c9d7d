"""Clients that attack: they send costly requests at once, or hold connections without reading or without finishing.

Each address (`127.0.0.N`, on Linux) is one attacker, so that the limits of an address concern neither the other
attackers nor the users of the service.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic

from httptools import HttpParserError, HttpResponseParser

_SMALL_BUFFER, _SMALL_SEGMENT = 4096, 536
"""Bytes that a client takes. The server's buffer depends on the size of a segment, and is then small as well."""
_BETWEEN_BYTES = 0.5
"""Seconds."""
_CONNECTED_WITHIN = 30.0


@dataclass
class Answers:
    """Answers to an attacker."""

    statuses: Counter[int] = field(default_factory=Counter)
    largest_refusal: int = 0
    """Bytes of the largest body of a refusal."""
    unanswered: int = 0
    """Connections that were refused, or closed before each request was answered."""


@dataclass(frozen=True)
class Attacker:
    """One address from which the service is attacked."""

    address: str
    service: tuple[str, int]
    answers: Answers = field(default_factory=Answers)

    async def ask(self, at_once: Sequence[bytes], *, each: int = 1, within: float) -> None:
        """Send these requests at once, on a connection each, and read the answers.

        Args:
            at_once: What is sent on the connections.
            each: Number of requests on a connection.
            within: Seconds after which nobody waits any longer.
        """
        await asyncio.gather(*(self._ask(sent, each, within) for sent in at_once))

    async def keep_asking(self, request: bytes, *, connections: int, seconds: float) -> None:
        """Send a request on some connections, and the next one after each answer."""
        ends = monotonic() + seconds

        async def client() -> None:
            while monotonic() < ends:
                await self._ask(request, 1, seconds)

        await asyncio.gather(*(client() for _ in range(connections)))

    @asynccontextmanager
    async def unread(self, at_once: Sequence[bytes]) -> AsyncIterator[None]:
        """Hold connections on which requests are sent, and nothing is read."""
        held = [self._socket() for _ in at_once]
        try:
            await asyncio.gather(*map(self._send, held, at_once))
            yield
        finally:
            for connection in held:
                connection.close()

    async def drip(self, beginnings: Sequence[bytes], *, seconds: float) -> None:
        """Hold connections on which a request never ends, and connect again when one is closed."""
        ends = monotonic() + seconds

        async def client(beginning: bytes) -> None:
            while monotonic() < ends:
                with suppress(OSError):
                    await self._drip(beginning, ends)
                await asyncio.sleep(_BETWEEN_BYTES)

        await asyncio.gather(*map(client, beginnings))

    async def _ask(self, sent: bytes, each: int, within: float) -> None:
        loop = asyncio.get_running_loop()
        reader = _Reader(self.answers, each)
        transport: asyncio.WriteTransport | None = None
        try:
            async with asyncio.timeout(within):
                transport, _ = await loop.create_connection(lambda: reader, *self.service, local_addr=(self.address, 0))
                transport.write(sent)
                await reader.done
        except (OSError, TimeoutError):
            self.answers.unanswered += 1
        finally:
            if transport:
                transport.abort()

    async def _send(self, connection: socket.socket, sent: bytes) -> None:
        loop = asyncio.get_running_loop()
        # Refused, or closed, or the server does not read any further: the rest is not needed.
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECTED_WITHIN):
                await loop.sock_connect(connection, self.service)
                connection.send(sent)

    async def _drip(self, beginning: bytes, ends: float) -> None:
        reader, writer = await asyncio.open_connection(*self.service, local_addr=(self.address, 0))
        try:
            writer.write(beginning)
            while monotonic() < ends and not (reader.at_eof() or writer.is_closing()):
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(_BETWEEN_BYTES)
        finally:
            writer.close()

    def _socket(self) -> socket.socket:
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SMALL_SEGMENT)
        connection.bind((self.address, 0))
        return connection


class _Reader(asyncio.Protocol):
    """Reads the answers on one connection."""

    def __init__(self, answers: Answers, expected: int) -> None:
        self._answers = answers
        self._left = expected
        self._size = 0
        self._parser = HttpResponseParser(self)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Parse a part of the answers."""
        with suppress(HttpParserError):
            self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Fail, if an answer is missing."""
        if not self.done.done():
            self.done.set_exception(ConnectionError("the connection was closed"))

    # --- the parser's callbacks ---------------------------------------------------------------------------------------

    def on_body(self, body: bytes) -> None:
        """Measure a part of a body."""
        self._size += len(body)

    def on_message_complete(self) -> None:
        """Count an answer."""
        status = self._parser.get_status_code()
        self._answers.statuses[status] += 1
        if status >= HTTPStatus.BAD_REQUEST:
            self._answers.largest_refusal = max(self._answers.largest_refusal, self._size)
        self._size = 0
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)
