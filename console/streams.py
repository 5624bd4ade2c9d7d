"""Streams to browsers: the events of the API, as parts of the page that is looked at.

The number of the last event stays with the browser (`Last-Event-ID`), so whoever comes back, to whichever replica,
misses nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from secrets import SystemRandom
from typing import Any

import httpx2
from starlette.responses import StreamingResponse

from console.service import Query

MOST_STREAMS = 500
"""The largest number of streams of one process. Further browsers are asked to come back later."""
_OPEN_WITHIN = 3.0
_SILENCE = 45.0
"""Seconds of silence after which the API counts as away. It gives a sign of life every 15."""
_BACK_WITHIN = (1000, 4000)
"""Milliseconds after which a browser comes back: each after another time, so that not all come at once."""
_REFUSED_FOR = (30_000, 60_000)
"""The same, if the API has refused the stream: the reason does not pass within seconds."""
_EVENTS = "/orderStatuses/events"

Render = Callable[[Mapping[str, Any]], str]
"""Returns what a browser is sent about an order that has changed."""


class Streams:
    """The streams of this process. They have connections of their own, so that pages never wait for one."""

    def __init__(self, api_url: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """Create no stream yet.

        Args:
            api_url: Origin of the API.
            transport: How it is reached. Default: by its origin.
        """
        self.client = httpx2.AsyncClient(
            base_url=api_url,
            transport=transport,
            timeout=httpx2.Timeout(_SILENCE, connect=_OPEN_WITHIN, pool=_OPEN_WITHIN),
            limits=httpx2.Limits(max_connections=MOST_STREAMS),
            trust_env=False,
        )
        self._heard: set[httpx2.Response] = set()
        self._stopped = False

    def response(
        self, after: str, headers: Mapping[str, str], render: Render, query: Query | None = None
    ) -> StreamingResponse:
        """Return the response that streams the changes of orders.

        Args:
            after: Number of the last event that the browser knows. Without one: from now on.
            headers: The headers with which the person reaches the API.
            render: Returns what the browser is sent.
            query: Filters of the API.
        """
        events = self._events(after, headers, render, query)
        return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def stop(self) -> None:
        """End all streams, and let none begin. The browsers come back by themselves, to another process."""
        self._stopped = True
        for response in list(self._heard):
            await response.aclose()

    async def _events(
        self, after: str, headers: Mapping[str, str], render: Render, query: Query | None
    ) -> AsyncIterator[str]:
        """Yield the events of the browser: `row`; `live`, a sign of life; and `away`, with which a stream ends."""
        yield _retry(_BACK_WITHIN)
        try:
            async with AsyncExitStack() as opened:
                response = await self._open(opened, after, headers, query)
                yield _event("live")
                async for number, data in _heard(response):
                    yield _event("row", render(json.loads(data)), number) if data else _event("live")
        except httpx2.HTTPStatusError as error:
            if error.response.is_client_error:
                yield _retry(_REFUSED_FOR)
        except (TimeoutError, httpx2.HTTPError):
            pass
        yield _event("away")

    async def _open(
        self, opened: AsyncExitStack, after: str, headers: Mapping[str, str], query: Query | None
    ) -> httpx2.Response:
        if self._stopped:
            raise TimeoutError
        known = {"Last-Event-ID": after} if after.isascii() and after.isdecimal() else {}
        stream = self.client.stream("GET", _EVENTS, params=query, headers={**headers, **known})
        async with asyncio.timeout(_OPEN_WITHIN):
            response = await opened.enter_async_context(stream)
        self._heard.add(response)
        opened.callback(self._heard.discard, response)
        return response.raise_for_status()


async def _heard(response: httpx2.Response) -> AsyncIterator[tuple[str, str]]:
    """Yield number and data of each event. A comment, the sign of life, has no data."""
    number = data = ""
    async for line in response.aiter_lines():
        name, _, value = line.partition(":")
        if name == "id":
            number = value.strip()
        elif name == "data":
            data = value.strip()
        elif not line:
            yield number, data
            data = ""


def _retry(within: tuple[int, int]) -> str:
    return f"retry: {SystemRandom().randint(*within)}\n\n"


def _event(name: str, data: str = "", number: str = "") -> str:
    lines = [f"id: {number}"] if number else []
    lines += [f"event: {name}", *(f"data: {line}" for line in data.splitlines() or [""])]
    return "\n".join(lines) + "\n\n"
