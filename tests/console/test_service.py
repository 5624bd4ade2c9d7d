"""The client of the API."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from httpx2 import AsyncByteStream, AsyncClient, LocalProtocolError, MockTransport, Request, Response
from structlog.testing import capture_logs

from console import service
from console.event_subscriptions.addresses import PATH
from console.page_request import PageRequest
from console.service import Api, ApiAway, Problem
from tests.console.browser import MANAGER, Pages, form_of, text_of
from tests.console.event_subscriptions.test_editing import FORM, NEW


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


async def test_what_cannot_be_sent_is_wrong_and_no_outage(on_a_port: Pages) -> None:
    api = Api(on_a_port.console.client)
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: api.send("POST", "/orders", {}, headers={"Idempotency-Key": "a\nb"}),
        lambda: api.send("POST", "/orders", {}, headers={"Idempotency-Key": "\u00e9\u0665"}),
        lambda: api.send("POST", "/orders", {"note": "\ud800"}),
        lambda: api.get("/orderStatuses", {"q": "x" * 70_000}),
        lambda: api.send("POST", "/orders", {}, headers={"If-Match": '"1 "\x00'}),
    ]
    for ask in asked:
        with pytest.raises(Problem) as problem:
            await ask()
        assert (problem.value.status, problem.value.slug) == (400, "malformed-request")


async def test_what_this_console_itself_cannot_send_is_its_own_fault(
    on_a_port: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has entered anything, so nobody is told to check it, and nobody looks for an outage."""
    broken = Api(on_a_port.console.client, {"Authorization": "Bearer a\nb"})
    with pytest.raises(LocalProtocolError):
        await broken.get("/orderStatuses")
    with pytest.raises(LocalProtocolError):
        await broken.send("POST", "/orders", {}, headers={"Idempotency-Key": "a"})

    manager = await on_a_port.person(MANAGER)
    monkeypatch.setattr(PageRequest, "api_of", lambda *_: broken)
    with capture_logs() as logged:
        answer = await manager.get(PATH)

    assert answer.status_code == 500
    assert [entry["error"] for entry in logged if entry["log_level"] == "error"] == ["LocalProtocolError"]


async def test_a_key_that_somebody_has_changed_is_not_called_an_outage(on_a_port: Pages) -> None:
    answer = await (await on_a_port.person(MANAGER)).post(NEW, FORM | {"key": "a\r\nb"})

    assert answer.status_code == 400
    assert "The request could not be understood." in text_of(answer)
    assert form_of(answer, NEW)["name"] == FORM["name"]
