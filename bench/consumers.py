"""Consumers of events in the process of the bench. They do as little as possible, and keep when what came."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from httptools import HttpRequestParser

from domain.event_delivery import ping

_ACCEPTED = b"HTTP/1.1 204 No Content\r\n\r\n"


@dataclass(frozen=True)
class Received:
    """An event that a consumer has accepted."""

    event_id: str
    order_id: str
    position: int
    """Index in the history of the order."""
    type: str
    happened_at: datetime
    accepted_at: datetime

    @property
    def delay(self) -> float:
        """Seconds from what has happened to the answer."""
        return (self.accepted_at - self.happened_at).total_seconds()


@dataclass
class Consumer:
    """A consumer, which accepts everything."""

    answers_after: float = 0.0
    """Seconds."""
    port: int = 0
    connections: set[asyncio.Transport] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _bodies: list[tuple[datetime, bytes]] = field(default_factory=list)
    _received: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is sent events."""
        return f"http://127.0.0.1:{self.port}/events"

    @property
    def received(self) -> list[Received]:
        """What it has accepted. It is read only now, so that it takes no time while something is measured."""
        for accepted_at, body in self._bodies:
            content = json.loads(body)
            for event in content if isinstance(content, list) else [content]:
                if event["type"] != ping.TYPE:
                    self._received.append(_received(event, accepted_at))
        self._bodies.clear()
        return self._received

    async def listen(self) -> None:
        """Begin to accept connections."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Conversation(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def die(self) -> None:
        """Close every connection, and accept none from now on."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.abort()

    def accept(self, body: bytes) -> None:
        """Keep what came."""
        if body:  # The handshake has none.
            self._bodies.append((datetime.now(UTC), body))


def _received(event: Mapping[str, Any], accepted_at: datetime) -> Received:
    happened_at, position = datetime.fromisoformat(event["time"]), event["data"]["position"]
    return Received(event["id"], event["subject"], position, event["type"], happened_at, accepted_at)


class _Conversation(asyncio.Protocol):
    """One connection of a consumer, for one request at a time."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._parser = HttpRequestParser(self)
        self._chunks: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._consumer.connections.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """End."""
        self._consumer.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        """Parse a part of a request."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect a part of a body."""
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Answer, at once or later."""
        body, self._chunks = b"".join(self._chunks), []
        if self._consumer.answers_after:
            asyncio.get_running_loop().call_later(self._consumer.answers_after, self._answer, body)
        else:
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._consumer.accept(body)
            self._transport.write(_ACCEPTED)


@asynccontextmanager
async def consumer(answers_after: float = 0.0) -> AsyncIterator[Consumer]:
    """Run a consumer at a port of its own."""
    running = Consumer(answers_after)
    await running.listen()
    try:
        yield running
    finally:
        running.die()
