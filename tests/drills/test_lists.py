"""A drill does not end because the API did not answer once."""

from collections.abc import Iterator, Sequence

import httpx2
import pytest

from drills.lists import items
from harness.asking import send

PAGES: Sequence[httpx2.Response | Exception] = [
    httpx2.Response(200, json={"items": [{"orderId": "a"}, {"orderId": "b"}], "nextCursor": "x"}),
    httpx2.Response(503),
    httpx2.RemoteProtocolError("the connection was closed"),
    httpx2.Response(200, json={"items": [{"orderId": "c"}], "nextCursor": None}),
]


async def listed(answers: Iterator[httpx2.Response | Exception]) -> tuple[list[str], list[dict[str, str]]]:
    """Read a list. Return its orders, and the queries that it took."""
    asked: list[dict[str, str]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        if isinstance(found := next(answers), Exception):
            raise found
        return found

    async with httpx2.AsyncClient(base_url="http://api", transport=httpx2.MockTransport(answer)) as api:
        return [row["orderId"] async for row in items(api, "/orderStatuses", customerId="1")], asked


async def test_a_list_is_read_page_by_page_and_asked_for_again_where_there_is_no_answer() -> None:
    found, asked = await listed(iter(PAGES))

    assert found == ["a", "b", "c"]
    first = {"customerId": "1", "limit": "200"}
    assert asked == [first, *[{**first, "cursor": "x"}] * 3]


async def test_who_is_refused_is_told_so() -> None:
    with pytest.raises(httpx2.HTTPStatusError):
        await listed(iter([httpx2.Response(403)]))


async def test_a_change_is_sent_again_with_its_key_where_there_is_no_answer() -> None:
    answers: Iterator[httpx2.Response | Exception] = iter(
        [httpx2.Response(503), httpx2.ReadTimeout("nothing came"), httpx2.Response(201, json={"orderId": "a"})]
    )
    keys: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["Idempotency-Key"])
        if isinstance(found := next(answers), Exception):
            raise found
        return found

    async with httpx2.AsyncClient(base_url="http://api", transport=httpx2.MockTransport(answer)) as api:
        assert await send(api, "POST", "/orders", {}) == {"orderId": "a"}

    assert len(keys) == 3
    assert len(set(keys)) == 1
