"""Whatever is sent to whichever operation: what is invalid is answered shortly, after little has been looked at."""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette import requests

from api.http import bodies, problems, queries
from api.http.fields import Region, RequestBody
from api.security.permissions import RULES
from api.security.routing import JsonRoute
from domain.common import contexts
from harness.costly_requests import CostlyRequest, costly_requests
from runtime.settings import Settings
from tests.api.fuzzed import NO_LIMITS
from tests.api.issuer import Issuer
from tests.api.known import bearer, know_both, tokens_of
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving

LARGEST_ANSWER = 16 * 1024
MOST_ERRORS = 10
MOST_LOOKED_AT = 100
"""Elements of lists and maps, and repeated parameters."""
MOST_OF_ONE_NAME = 50
"""Repetitions of one parameter."""
MOST_PARSED = 30_000
"""Values of a body that are parsed, but not looked at."""
DEEPEST = 10


@dataclass
class Looked:
    """What was looked at for one request."""

    elements: int = 0
    of_one_name: int = 0
    parsed: int = 0
    depth: int = 0


@dataclass
class Besieged:
    """A service, whatever can be named in it, and what was looked at."""

    service: Service
    named: dict[str, str]
    tokens: dict[str, str | None]
    looked: Looked = field(default_factory=Looked)

    async def send(self, costly: CostlyRequest) -> list[str]:
        """Send a request. Returns what is wrong with its answer."""
        self.looked = Looked()
        headers = bearer(self.tokens[_who_may(costly.route)])
        if costly.body is not None:
            headers["Content-Type"] = "application/json"
        answer = await self.service.http.request(
            costly.method, costly.target(self.named), content=costly.body, headers=headers
        )
        problem = answer.json() if 400 <= answer.status_code < 500 else {}
        found = {
            f"status {answer.status_code}": not problem,
            f"an answer of {len(answer.content)} bytes": len(answer.content) > LARGEST_ANSWER,
            f"{len(problem.get('errors', ()))} errors": len(problem.get("errors", ())) > MOST_ERRORS,
            f"{self.looked.elements} elements": self.looked.elements > MOST_LOOKED_AT,
            f"{self.looked.of_one_name} of one name": self.looked.of_one_name > MOST_OF_ONE_NAME,
            f"{self.looked.parsed} values parsed": self.looked.parsed > MOST_PARSED,
            f"{self.looked.depth} deep": self.looked.depth > DEEPEST,
        }
        return [f"{costly.route}, {costly.kind}: {what}" for what, wrong in found.items() if wrong]

    async def send_all(self, sent: Iterable[CostlyRequest]) -> list[str]:
        return [wrong for costly in sent for wrong in await self.send(costly)]

    def state(self) -> list[str]:
        """Return everything that is stored."""
        lines: list[str] = []
        for context in set(contexts.STORES) - {contexts.AUDIT}:
            with closing(sqlite3.connect(self.service.settings.data_dir / f"{context}.db")) as connection:
                lines += connection.iterdump()
        return lines

    # --- what counts ----------------------------------------------------------------------------------------------

    def count_elements(self, handle: Callable[..., Any]) -> Callable[..., Any]:
        """Count elements by their errors: as all are wrong, each that is looked at has one."""

        async def counting(request: Request, error: RequestValidationError) -> Response:
            places = [one["loc"] for one in error.errors() if len(one["loc"]) > 2]
            names = Counter(name for place, name, *_ in places if place == "query")
            self.looked.elements += len(places)
            self.looked.of_one_name = max(names.values(), default=0)
            answer: Response = await handle(request, error)
            return answer

        return counting

    def count_parsed(self, parse: Callable[[str], Any]) -> Callable[[str], Any]:
        def counting(text: str) -> Any:
            content = parse(text)
            self.looked.parsed += sum(len(level) for level in _levels(content))
            return content

        return counting

    def measure_depth(self, check: Callable[..., None]) -> Callable[..., None]:
        def measuring(content: Any, most: int) -> None:
            check(content, most)
            self.looked.depth = len(list(_levels(content)))

        return measuring


def _levels(content: Any) -> Iterator[list[Any]]:
    level = [content]
    while level := [
        value
        for container in level
        if isinstance(container, list | dict)
        for value in (container.values() if isinstance(container, dict) else container)
    ]:
        yield level


def _who_may(route: str) -> str:
    rule = RULES[route]
    return min(rule.roles).value if rule else "nobody"


def _requests(service: Service, *routes: str) -> list[CostlyRequest]:
    document = service.app.openapi()
    paths = {
        path: {method: one for method, one in operations.items() if f"{method.upper()} {path}" in (routes or RULES)}
        for path, operations in document["paths"].items()
    }
    return list(costly_requests(document | {"paths": paths}))


@pytest.fixture
async def besieged(
    without_temporal: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Besieged]:
    issuer = Issuer(tmp_path / "keys.json")
    async with serving(but(without_temporal, **issuer.settings, **NO_LIMITS)) as service:
        own, _ = await know_both(service)
        found = Besieged(service, own, tokens_of(issuer))
        handlers = service.app.exception_handlers
        handlers[RequestValidationError] = found.count_elements(handlers[RequestValidationError])
        monkeypatch.setattr(bodies, "parse", found.count_parsed(bodies.parse))
        monkeypatch.setattr(bodies, "check_structure", found.measure_depth(bodies.check_structure))
        yield found


async def test_the_largest_invalid_input_of_every_operation_costs_little_and_changes_nothing(
    besieged: Besieged,
) -> None:
    costly, before = _requests(besieged.service), besieged.state()

    assert {one.route for one in costly} == RULES.keys()
    assert await besieged.send_all(costly) == []
    assert besieged.state() == before


async def test_a_page_without_parameters_does_not_read_the_query(
    besieged: Besieged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the query was read")

    monkeypatch.setattr(requests, "QueryParams", read)

    for path in ("/docs", "/docs/oauth2-redirect", "/docs/assets/favicon.png", "/openapi.json", "/nowhere"):
        assert (await besieged.service.http.get(f"{path}?{'x=&' * 7000}")).status_code in (200, 404)


async def test_no_route_reads_cookies(besieged: Besieged, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(requests, "cookie_parser", read.append)
    headers = bearer(besieged.tokens["service"]) | {"Cookie": "a=b"}

    for route in RULES:
        method, _, path = route.partition(" ")
        target = re.sub("{.*?}", "unknown", path)
        await besieged.service.http.request(method, f"{target}?region=x&limit=x", headers=headers, json={})

    assert read == []


@pytest.mark.parametrize("name", ["\ud800", "\x00", "/~", "\u202e"])
async def test_a_name_that_cannot_be_told_is_refused_too(besieged: Besieged, name: str) -> None:
    body = json.dumps({"payloads": [{"metadata": {name: 1}}]})
    headers = bearer(besieged.tokens["manager"]) | {"Content-Type": "application/json"}

    answer = await besieged.service.http.post("/codec/default/decode", content=body, headers=headers)

    assert_problem(answer, 422, "invalid-input")


class Names(RequestBody):
    """A map in its bounds, with names that the sender chooses."""

    named: Annotated[dict[str, Region], Field(max_length=100)]


class LongList(RequestBody):
    """A list without a bound."""

    regions: list[Region]


class LongMap(RequestBody):
    """A map with a bound that counts too late, because pydantic counts only valid members."""

    named: Annotated[dict[str, Region], Field(max_length=20)]


BOUNDS = {
    "parameters in all": (queries, "MOST_PARAMETERS", "GET /health/live"),
    "parameters of one name": (queries, "MOST_OF_ONE_NAME", "POST /Names"),
    "values that are parsed": (bodies, "MOST_SEPARATORS", "POST /codec/{namespace}/decode"),
    "levels of a body": (bodies, "DEEPEST", "POST /managementCenters/engineers"),
    "errors": (problems, "MOST_ERRORS", "POST /managementCenters/engineers"),
    "characters of a name": (problems, "LONGEST_NAME", "POST /Names"),
}


async def test_it_is_noticed_when_there_is_no_bound(besieged: Besieged, monkeypatch: pytest.MonkeyPatch) -> None:
    add_route(besieged, monkeypatch, Names)
    noticed = {}
    for bound, (module, name, route) in BOUNDS.items():
        with monkeypatch.context() as boundless:
            boundless.setattr(module, name, 10**9)
            noticed[bound] = await besieged.send_all(_requests(besieged.service, route))

    assert [bound for bound, wrong in noticed.items() if not wrong] == []


async def test_it_is_noticed_when_a_new_route_has_no_bound(besieged: Besieged, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (LongList, LongMap):
        add_route(besieged, monkeypatch, body)

    for body in (LongList, LongMap):
        found = await besieged.send_all(_requests(besieged.service, f"POST /{body.__name__}"))
        assert any(" elements" in wrong for wrong in found)


def add_route(besieged: Besieged, monkeypatch: pytest.MonkeyPatch, body: type[RequestBody]) -> None:
    path = f"/{body.__name__}"
    monkeypatch.setitem(cast("dict[str, Any]", RULES), f"POST {path}", RULES["POST /orders"])
    router = APIRouter(route_class=JsonRoute)

    async def new(given: Any, region: Annotated[tuple[Region, ...], Query()] = ()) -> None:
        raise AssertionError("the body is valid")

    new.__annotations__["given"] = body
    router.add_api_route(path, new, methods=["POST"])
    besieged.service.app.include_router(router)
