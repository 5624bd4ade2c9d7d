"""The client of the API."""

from collections.abc import AsyncIterator

import pytest
from httpx2 import AsyncByteStream, AsyncClient, MockTransport, Request, Response

from console import service
from console.service import Api, ApiAway


class Large(AsyncByteStream):
    """A body of 64 KiB."""

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.sent < 65_536:
            self.sent += 1024
            yield b" " * 1024


async def test_of_an_answer_that_is_too_large_no_more_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_LARGEST_ANSWER", 4096)
    body = Large()

    async def answer(_: Request) -> Response:
        return Response(200, stream=body)

    async with AsyncClient(transport=MockTransport(answer), base_url="http://api.example") as client:
        with pytest.raises(ApiAway, match="too large"):
            await Api(client).get("/orderStatuses")

    assert body.sent <= 4096 + 1024
