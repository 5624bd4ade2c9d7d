"""Responses that do not end, from an app in this process."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

from tests.eventually import PATIENCE


@dataclass
class Event:
    """One server-sent event."""

    name: str
    data: str
    number: str


class Stream:
    """An event stream that is read while it is written."""

    def __init__(self, messages: "asyncio.Queue[Message]") -> None:
        self._messages = messages
        self._events: list[Event] = []
        self._text = ""
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.ended = False

    async def begin(self) -> None:
        """Wait for the headers."""
        start = await self._message()
        self.status = start["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}

    async def next(self, name: str = "row") -> Event:
        """Return the next event of a name. Others are passed over."""
        while True:
            while self._events:
                event = self._events.pop(0)
                if event.name == name:
                    return event
            assert not self.ended, f"the stream has ended without {name}"
            await self._read()

    async def rest(self) -> list[str]:
        """Read to the end. Returns the names of the events."""
        while not self.ended:
            await self._read()
        return [event.name for event in self._events]

    async def _read(self) -> None:
        message = await self._message()
        self.ended = not message.get("more_body", False)
        *blocks, self._text = (self._text + message.get("body", b"").decode()).split("\n\n")
        self._events += [_event(block) for block in blocks if "event:" in block]

    async def _message(self) -> Message:
        return await asyncio.wait_for(self._messages.get(), PATIENCE)


def _event(block: str) -> Event:
    lines = [line.partition(": ") for line in block.splitlines()]

    def of(name: str) -> str:
        return "\n".join(value for key, _, value in lines if key.rstrip(":") == name)

    return Event(of("event"), of("data"), of("id"))


@asynccontextmanager
async def streamed(app: ASGIApp, url: str, headers: Mapping[str, str]) -> AsyncIterator[Stream]:
    """Open an event stream of an app. Leaving it is as if the browser went away."""
    path, _, query = url.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8082),
    }
    messages: asyncio.Queue[Message] = asyncio.Queue()
    gone = asyncio.Event()
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        if requests:
            return requests.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    serving = asyncio.ensure_future(app(scope, receive, messages.put))
    try:
        stream = Stream(messages)
        await stream.begin()
        yield stream
    finally:
        gone.set()
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
