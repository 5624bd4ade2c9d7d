"""When browsers come back to a stream."""

import pytest
from httpx2 import Response

from tests.console.browser import Pages


@pytest.mark.parametrize(
    ("status", "longer"), [(401, True), (403, True), (404, True), (429, True), (502, False), (503, False)]
)
async def test_a_stream_that_the_api_refuses_is_not_asked_for_again_at_once(
    bare: Pages, status: int, *, longer: bool
) -> None:
    bare.line.answers["GET /orderStatuses/events"] = Response(status)

    response = bare.console.streams.response("", {}, lambda _: "")
    sent = [str(part) async for part in response.body_iterator]

    *retries, away = sent
    waits = [int(retry.removeprefix("retry: ")) for retry in retries]
    assert away == "event: away\ndata: \n\n"
    assert (waits[-1] >= 30_000) is longer
