"""The documentation page of the API."""

import re

import pytest

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
