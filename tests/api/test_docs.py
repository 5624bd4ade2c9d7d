"""The documentation page of the API."""

import asyncio
import re
import threading

import pytest
from fastapi.responses import JSONResponse
from httpx2 import AsyncClient

from api.app import Api
from api.http import docs
from runtime.settings import Settings
from tests.api.service import Service, listening
from tests.eventually import PATIENCE


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


async def test_the_page_takes_all_that_it_needs_from_the_api_itself(service: Service) -> None:
    page = (await service.http.get("/docs")).text

    assert re.findall(r"\w+://[^'\" ]+", page) == []
    needed = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(needed) == 3
    for path in (*needed, "/openapi.json", "/docs/oauth2-redirect"):
        assert (await service.http.get(path)).status_code == 200, path


async def test_what_is_not_there_is_a_problem_like_any_other(service: Service) -> None:
    answer = await service.http.get("/docs/assets/nothing.js")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("part", ["bytes=0-9", "bytes=5-2", "bytes=999999999-", "lines=1"])
async def test_a_file_is_sent_whole_whatever_part_is_asked_for(service: Service, part: str) -> None:
    path = "/docs/assets/favicon.png"
    whole = await service.http.get(path)

    answer = await service.http.get(path, headers={"Range": part})

    assert (whole.status_code, answer.status_code) == (200, 200)
    assert answer.content == whole.content
    assert answer.headers["Content-Type"] == "image/png"


async def test_the_document_is_rendered_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    class Counted(JSONResponse):
        def render(self, content: object) -> bytes:
            rendered.append(content)
            return super().render(content)

    monkeypatch.setattr(docs, "JSONResponse", Counted)
    answers = [await service.http.get("/openapi.json") for _ in range(3)]

    assert len(rendered) == 1
    for answer in answers:
        assert answer.content == JSONResponse(service.app.openapi()).body
        assert answer.headers["Content-Type"] == "application/json"


async def test_a_document_that_could_not_be_made_is_made_for_the_next_who_asks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(Api, "openapi", failing)
        assert (await service.http.get("/openapi.json")).status_code == 500

    assert (await service.http.get("/openapi.json")).status_code == 200


async def test_a_process_that_is_not_asked_for_the_document_does_not_make_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Api, "openapi", lambda _: pytest.fail("it takes longer than the rest of the start"))
    with listening(settings) as url:
        async with AsyncClient(base_url=url, timeout=PATIENCE) as http:
            assert (await http.get("/health/ready")).status_code == 200
            refused = await http.delete("/orders")

    assert refused.status_code == 405
    assert refused.headers["Allow"] == "POST"


async def test_others_are_served_while_the_document_is_made_and_who_asked_first_may_leave(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, released, made = asyncio.Event(), threading.Event(), []
    loop, real = asyncio.get_running_loop(), Api.openapi

    def slow(app: Api) -> dict[str, object]:
        made.append(app)
        loop.call_soon_threadsafe(begun.set)
        assert released.wait(PATIENCE)
        return real(app)

    monkeypatch.setattr(Api, "openapi", slow)
    first = asyncio.create_task(service.http.get("/openapi.json"))
    await begun.wait()
    first.cancel()
    second = asyncio.create_task(service.http.get("/openapi.json"))
    try:
        assert (await service.http.get("/health/live")).status_code == 200
    finally:
        released.set()

    assert (await second).json()["paths"]
    assert len(made) == 1
