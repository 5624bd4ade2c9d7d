"""The documentation page of the API."""

import re

import pytest
from fastapi.responses import JSONResponse

from api.http import docs
from runtime.settings import Settings
from tests.api.service import Service


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
