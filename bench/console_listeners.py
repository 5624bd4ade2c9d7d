"""Boards that are open, each with its stream, while orders change."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter, time
from typing import cast

from httptools import HttpResponseParser

from bench.read_model import wait_for_person
from domain.orders import Order
from harness.waiting import PATIENCE, soon
from stores.order_status.view import OrderStatusStore

_LIVE = b"event: live\ndata: "
_NUMBER = b"id: "
_BACK_AFTER = 1.0
"""Seconds."""


@dataclass
class Changes:
    """Changes that were made, each with the time (seconds since the epoch) at which it began to be stored."""

    by_number: dict[int, float] = field(default_factory=dict)
    """By their numbers in the event stream."""
    by_version: dict[tuple[str, int], float] = field(default_factory=dict)
    """By the order and its version."""

    async def make(self, store: OrderStatusStore, orders: Sequence[Order], *, rate: float, seconds: float) -> None:
        """Change one order after the other, evenly."""
        first = perf_counter()
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(first + number / rate - perf_counter(), 0))
            order, began = orders[number % len(orders)], time()
            wait_for_person(order)
            await store.put([order])
            self.by_number[await store.last_sequence()] = self.by_version[order.order_id, order.version] = began


class Listener(asyncio.Protocol):
    """The stream of an open board."""

    def __init__(self, request: bytes) -> None:
        """Create a listener that is not connected yet."""
        self._request = request
        self._parser = HttpResponseParser(self)
        self._rest = b""
        self.live = asyncio.get_running_loop().create_future()
        self.heard: dict[int, float] = {}
        """When each change was heard of, in seconds since the epoch, by its number."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the request."""
        cast("asyncio.Transport", transport).write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.live.done():
            self.live.set_exception(exc or ConnectionError("the stream was refused"))

    def data_received(self, data: bytes) -> None:
        """Parse a part of the stream."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Note which events have come."""
        now = time()
        *events, self._rest = (self._rest + body).split(b"\n\n")
        for event in events:
            if event.startswith(_NUMBER):
                self.heard.setdefault(int(event[len(_NUMBER) : event.index(b"\n")]), now)
            elif event.startswith(_LIVE) and not self.live.done():
                self.live.set_result(None)

    async def delays(self, changes: Mapping[int, float]) -> Sequence[float]:
        """Wait until all changes are heard of, and return how many seconds each has taken.

        Raises:
            NotInTime: one has not come.
        """

        async def complete() -> bool:
            return self.heard.keys() >= changes.keys()

        await soon(complete, every=0.1, what="all changes at a listener")
        return [self.heard[number] - began for number, began in changes.items()]


@asynccontextmanager
async def listening(address: tuple[str, int], path: str, cookie: str, count: int) -> AsyncIterator[Sequence[Listener]]:
    """Open so many streams of one person."""
    host, port = address
    head = {"Host": f"{host}:{port}", "Accept": "text/event-stream", "Cookie": cookie}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    request = f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
    opened: list[tuple[asyncio.Transport, Listener]] = []
    try:
        async with asyncio.timeout(PATIENCE):
            while len(opened) < count:
                opened.append(await _connected(host, port, request))
        yield [listener for _, listener in opened]
    finally:
        for transport, _ in opened:
            transport.abort()


async def _connected(host: str, port: int, request: bytes) -> tuple[asyncio.Transport, Listener]:
    """Open a stream. It is opened again if the console gives it up before it is live, as browsers do."""
    while True:
        transport, listener = await asyncio.get_running_loop().create_connection(lambda: Listener(request), host, port)
        try:
            await listener.live
        except ConnectionError:
            await asyncio.sleep(_BACK_AFTER)
        else:
            return transport, listener
