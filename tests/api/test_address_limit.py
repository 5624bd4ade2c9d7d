"""What an address may ask for without a good token, over all routes and before anything else is done for it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from time import monotonic_ns
from typing import Any

import jwt
import pytest
from prometheus_client import generate_latest

from api.security import jwks
from api.security.limits import Rates
from runtime.settings import Settings
from tests.api.issuer import Issuer, ec_key
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import Service, but, serving, silent_port
from tests.eventually import soon

Serve = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture
def serve(without_temporal: Settings, issuer: Issuer) -> Serve:
    return lambda **changes: serving(but(without_temporal, **{**issuer.settings, **changes}))


async def statuses(service: Service, path: str, *tokens: str | None) -> list[int]:
    return [(await service.http.get(path, headers=bearer(token))).status_code for token in tokens]


@pytest.fixture
def stranger(issuer: Issuer) -> Issuer:
    """An issuer with a key that the API does not know."""
    return Issuer(issuer.file.with_name("stranger.json"), keys={"two": ec_key(1)})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time pass slowly for the limits: however long the requests take, no client is allowed more meanwhile."""
    monkeypatch.setattr(Rates.__init__, "__defaults__", (lambda: monotonic_ns() // 1000,))


WITHOUT_A_TOKEN = [
    ("GET", "/orderStatuses", 401),
    ("GET", "/orderStatuses?%ff", 401),
    ("POST", "/orders", 401),
    ("GET", "/nothing", 404),
    ("DELETE", "/orders", 405),
    ("BREW", "/orders", 405),
    ("OPTIONS", "/orders", 405),
    ("GET", "/openapi.json", 200),
    ("HEAD", "/openapi.json", 200),
    ("GET", "/docs", 200),
    ("GET", "/docs/assets/favicon.png", 200),
]


async def test_whatever_is_asked_for_without_a_good_token_counts(serve: Serve, issuer: Issuer) -> None:
    async with serve(rate_limit_anonymous=len(WITHOUT_A_TOKEN)) as service:
        for method, path, status in WITHOUT_A_TOKEN:
            assert (await service.http.request(method, path)).status_code == status, (method, path)
        for method, path, _ in WITHOUT_A_TOKEN:
            answer = await service.http.request(method, path)
            assert answer.status_code == 429, (method, path)
            assert method == "HEAD" or assert_problem(answer, 429, "too-many-requests")
            assert 1 <= int(answer.headers["Retry-After"]) <= 60

        assert await statuses(service, "/health/live", *[None] * 5) == [200] * 5

        async def has_the_keys() -> bool:
            return await statuses(service, "/openapi.json", issuer.token("1", "customer")) == [200]

        await soon(has_the_keys, what="a good token is known as one, though the process had no keys yet")
        assert await statuses(service, "/openapi.json", issuer.token("2", "customer"), None) == [200, 429]


async def test_requests_with_a_good_token_do_not_count_for_the_address(serve: Serve, issuer: Issuer) -> None:
    async with serve(rate_limit_anonymous=1) as service:
        for path, status in (("/orderStatuses", 200), ("/metrics", 403), ("/nothing", 404), ("/openapi.json", 200)):
            assert await statuses(service, path, *[issuer.token("1", "customer")] * 3) == [status] * 3
        assert await statuses(service, "/nothing", None, None) == [404, 429]


async def test_they_count_for_their_subject_on_every_route(serve: Serve, issuer: Issuer) -> None:
    token = issuer.token("1", "customer", "engineer")
    async with serve(rate_limit_engineer=5, rate_limit_anonymous=0) as service:
        found = [
            (await service.http.request(method, path, headers=bearer(token))).status_code
            for method, path in (
                *(("GET", "/openapi.json"), ("GET", "/nothing"), ("DELETE", "/orders"), ("GET", "/metrics")),
                *(("GET", "/orderStatuses"), ("GET", "/orderStatuses"), ("GET", "/openapi.json")),
            )
        ]
        assert found == [200, 404, 405, 403, 200, 429, 429]
        assert await statuses(service, "/orderStatuses", issuer.token("2", "customer")) == [200]


async def test_a_token_without_a_role_is_as_good_as_none(serve: Serve, issuer: Issuer) -> None:
    async with serve(rate_limit_anonymous=2) as service:
        assert await statuses(service, "/orderStatuses", *[issuer.token("1")] * 3) == [403, 403, 429]


async def test_nobody_is_free_while_the_issuer_does_not_answer(
    serve: Serve, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "FETCH_WITHIN", 0.5)
    token = issuer.token("1", "customer")
    with silent_port() as port:
        url = f"http://127.0.0.1:{port}/"
        async with serve(rate_limit_anonymous=3, auth_issuer=url, auth_jwks_url=url) as service:
            at_once = await asyncio.gather(*(statuses(service, "/orderStatuses", token) for _ in range(8)))
            assert Counter(status for [status] in at_once) == {503: 3, 429: 5}
            assert await statuses(service, "/orderStatuses", token, token) == [429, 429]
            assert "audit_entries_waiting 0.0" in await metrics(service)


async def metrics(service: Service) -> str:
    return generate_latest(service.app.state.health.registry).decode()


async def test_beyond_the_limit_only_tokens_that_name_a_known_key_are_verified(
    serve: Serve, issuer: Issuer, stranger: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for, verified = [], []
    find, decode = jwks.Keys.find, jwt.decode

    async def counted_find(self: jwks.Keys, key_id: str) -> Any:
        looked_for.append(key_id)
        return await find(self, key_id)

    def counted_decode(token: str, *more: Any, **named: Any) -> Any:
        verified.append(token)
        return decode(token, *more, **named)

    async with serve(rate_limit_anonymous=2) as service:
        assert await statuses(service, "/orderStatuses", issuer.token("1", "customer"), None, "x.y.z") == [
            200,
            401,
            401,
        ]
        monkeypatch.setattr(jwks.Keys, "find", counted_find)
        monkeypatch.setattr(jwt, "decode", counted_decode)

        unknown = [stranger.sign(stranger.claims(str(number), "manager"), "two") for number in range(20)]
        assert await statuses(service, "/orderStatuses", *unknown, "nonsense", "x" * 10_000) == [429] * 22
        assert (verified, looked_for) == ([], [])

        forged = stranger.sign(stranger.claims("1", "manager"), "two", kid="one")
        fresh = issuer.token("2", "customer")
        assert await statuses(service, "/orderStatuses", forged, fresh, issuer.token("3", "customer", exp=1)) == [
            429,
            200,
            429,
        ]


async def test_beyond_the_limit_nothing_is_noted_singly(serve: Serve, issuer: Issuer, stranger: Issuer) -> None:
    forged = stranger.sign(stranger.claims("1", "manager"), "two", kid="one")
    async with serve(rate_limit_anonymous=3) as service:
        found = await statuses(service, "/orderStatuses", *[forged] * 50)
        manager = bearer(issuer.token("kim", "manager"))

        async def entries() -> list[Any]:
            items: list[Any] = (await service.http.get("/audit", headers=manager)).json()["items"]
            return items if len(items) >= 3 else []

        noted = await soon(entries, what="the refusals are noted")

    assert (found.count(401), found.count(429)) == (3, 47)
    assert [(each["act"], each["outcome"]) for each in noted] == [("GET /orderStatuses", 401)] * 3


async def test_without_tokens_every_request_counts_if_a_limit_is_set(without_temporal: Settings) -> None:
    async with serving(but(without_temporal, rate_limit_anonymous=3)) as service:
        found = [
            await statuses(service, path, None) for path in ("/openapi.json", "/nothing", "/orderStatuses", "/docs")
        ]
    assert found == [[200], [404], [200], [429]]
