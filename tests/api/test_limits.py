"""The limits of one client, and the security headers of every response."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import httpx2
import pytest

from api.http.errors import TooManyOpenOrders, TooManyRequests
from api.orders import open_orders
from api.orders.open_orders import OpenOrders
from api.security import limits
from api.security.limits import Rates, limits_of, site_of
from api.security.principals import Role
from domain.common.errors import StoreUnavailable
from domain.orders import Order, OrderStatus
from runtime import addresses
from runtime.settings import Settings
from stores.order_status.census import OrderCensus
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, listening, serving
from tests.eventually import PATIENCE, soon

Serve = Callable[..., AbstractAsyncContextManager[Service]]


class Clock:
    """A clock that a test sets."""

    def __init__(self, seconds: float = 1000) -> None:
        self.seconds = seconds

    def __call__(self) -> int:
        return int(self.seconds * 10**9)


@pytest.fixture
def serve(settings: Settings, issuer: Issuer) -> Serve:
    return lambda **changes: serving(but(settings, **{**issuer.settings, **changes}))


def allowed(rates: Rates, client: str = "1") -> int:
    for number in range(1000):
        try:
            rates.take(Role.CUSTOMER, client)
        except TooManyRequests:
            return number
    return 1000


def test_a_minutes_worth_is_allowed_at_once_and_then_evenly() -> None:
    clock = Clock()
    rates = Rates({Role.CUSTOMER: 60}, clock)

    assert allowed(rates) == 60
    clock.seconds += 10
    assert allowed(rates) == 10
    with pytest.raises(TooManyRequests) as refusal:
        rates.take(Role.CUSTOMER, "1")
    clock.seconds += refusal.value.retry_after
    assert allowed(rates) == 1
    assert allowed(rates, "2") == 60


@pytest.mark.parametrize("per_minute", [1, 3, 7, 11, 60, 300, 601])
@pytest.mark.parametrize("seconds", [0.07, 68_956.04, 1.7e9])
def test_all_of_a_burst_is_allowed_at_the_same_moment(per_minute: int, seconds: float) -> None:
    rates = Rates({Role.CUSTOMER: per_minute}, Clock(seconds))

    assert allowed(rates) == per_minute


def test_who_has_been_silent_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 2)
    rates = Rates({Role.CUSTOMER: 5}, Clock())
    for client in ("silent", "busy"):
        allowed(rates, client)
    rates.take(Role.CUSTOMER, "new")

    assert allowed(rates, "busy") == 0
    assert allowed(rates, "silent") == 5


def test_nobody_is_limited_as_it_comes_where_no_tokens_are_asked_for() -> None:
    found = limits_of(Settings())
    assert (found.rates[None], found.open_orders, found.listeners) == (0, 0, 0)
    found = limits_of(Settings(auth_required=True))
    assert (found.rates[None], found.open_orders, found.listeners) == (300, 20, 5)


async def test_each_subject_has_a_rate_of_its_own(serve: Serve, issuer: Issuer) -> None:
    async with serve(rate_limit_customer=2, rate_limit_anonymous=0) as service:
        statuses = {}
        for subject in ("1", "2"):
            headers = bearer(issuer.token(subject, "customer")) | {"X-Forwarded-For": f"192.0.2.{subject}"}
            answers = [await service.http.get("/orderStatuses", headers=headers) for _ in range(3)]
            statuses[subject] = [answer.status_code for answer in answers]
            assert_problem(answers[-1], 429, "too-many-requests")
            assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60

        assert statuses == {"1": [200, 200, 429], "2": [200, 200, 429]}


async def test_what_is_refused_counts_for_the_address_and_keeps_nobody_out_who_may(
    serve: Serve, issuer: Issuer
) -> None:
    async with serve(rate_limit_anonymous=2) as service:
        for path, token, status in (
            ("/orderStatuses", None, 401),
            ("/metrics", issuer.token("1"), 403),
            ("/orderStatuses", "nonsense", 429),
            ("/health/ready", None, 200),
            ("/orderStatuses", issuer.token("kim", "manager"), 200),
        ):
            assert (await service.http.get(path, headers=bearer(token))).status_code == status, (path, status)


@pytest.mark.parametrize(("proxies", "seen"), [("", 1), ("192.0.2.1", 1), ("10.0.0.0/8, 127.0.0.1", 3)])
def test_a_header_says_where_a_request_comes_from_only_if_a_trusted_proxy_sends_it(
    settings: Settings, proxies: str, seen: int
) -> None:
    with listening(but(settings, trusted_proxies=proxies, rate_limit_anonymous=1)) as url:
        answers = [
            httpx2.get(
                f"{url}/orderStatuses", headers={"X-Forwarded-For": f"203.0.113.{number}"}, timeout=PATIENCE
            ).status_code
            for number in range(3)
        ]
    assert answers.count(200) == seen


async def test_an_ipv6_subscriber_is_one_client(settings: Settings) -> None:
    async with serving(but(settings, rate_limit_anonymous=1)) as service:
        found = []
        for host in ("2001:db8::1", "2001:db8::2", "2001:db8:1::1", "::ffff:192.0.2.1", "192.0.2.1"):
            transport = httpx2.ASGITransport(service.app, client=(host, 1))
            async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
                found.append((await http.get("/orderStatuses")).status_code)
    assert found == [200, 429, 200, 200, 429]


def test_of_a_long_text_in_place_of_an_address_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: list[str] = []
    monkeypatch.setattr(addresses, "subscriber", remembered.append)

    for host in ("2001:db8::1%" + 30_000 * "z", 30_000 * "1"):
        site_of({"client": (host, 1)})
    assert [addresses.normalized(host) for host in remembered] == ["2001:db8::1", "unknown"]
    assert max(map(len, remembered)) <= 64


async def test_a_customer_can_have_so_many_open_orders(serve: Serve, issuer: Issuer) -> None:
    headers = bearer(issuer.token("1", "customer"))
    async with serve(max_open_orders_per_customer=2) as service:
        await service.app.state.services.get(OrderStatusStore).put(
            [Order("open", "1"), Order("ended", "1", status=OrderStatus.JOIN_COMPLETED), Order("other's", "2")]
        )

        async def place(**more: str) -> httpx2.Response:
            return await service.http.post("/orders", json=CONTRACT_BODY, headers=headers | more)

        placed = await asyncio.gather(*(place(**{"Idempotency-Key": "k"}) for _ in range(2)))
        refused = await place()
        again = await place(**{"Idempotency-Key": "k"})

        assert sorted(answer.status_code for answer in placed) == [200, 201]
        assert_problem(refused, 409, "too-many-open-orders")
        assert again.status_code == 200


class Census(OrderCensus):
    """A census with so many open orders of each customer, or without an answer."""

    def __init__(self, known: int | None) -> None:
        self.known = known

    async def open_of(self, customer_id: str, at_most: int) -> list[str]:
        if self.known is None:
            raise StoreUnavailable("down")
        return [f"order-{number}" for number in range(self.known)]


async def test_what_the_view_does_not_show_yet_counts_too_but_each_order_once() -> None:
    clock, census = Clock(), Census(0)
    admitting = OpenOrders(census, 3, clock)
    for number in range(3):
        await admitting.admit("1", f"order-{number}")
    await admitting.admit("2", "another")
    with pytest.raises(TooManyOpenOrders):
        await admitting.admit("1", "one too many")

    census.known = 2
    clock.seconds += open_orders.SHOWN_WITHIN + 1
    await admitting.admit("1", "order-2")
    with pytest.raises(TooManyOpenOrders):
        await admitting.admit("1", "one too many")


async def test_orders_are_taken_while_the_view_does_not_answer(serve: Serve, issuer: Issuer) -> None:
    async with serve(max_open_orders_per_customer=1, order_status_database_url=NOWHERE) as service:
        answer = await service.http.post("/orders", json=CONTRACT_BODY, headers=bearer(issuer.token("1", "customer")))

    assert answer.status_code == 201


def test_a_client_can_listen_so_often(settings: Settings, issuer: Issuer) -> None:
    async def listen(url: str) -> list[int]:
        async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as http, AsyncExitStack() as open_streams:

            async def begin(subject: str, stack: AsyncExitStack) -> int:
                headers = bearer(issuer.token(subject, "customer"))
                stream = http.stream("GET", "/orderStatuses/events", headers=headers)
                return (await stack.enter_async_context(stream)).status_code

            async with AsyncExitStack() as first:
                found = [await begin("1", first), await begin("1", open_streams), await begin("2", open_streams)]

            async def again() -> bool:
                return await begin("1", open_streams) == 200

            await soon(again, what="the server has seen that the first was closed")
            return found

    with listening(but(settings, **issuer.settings, max_listeners_per_client=1)) as url:
        assert asyncio.run(listen(url)) == [200, 429, 200]


# --- what a browser is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/orderStatuses", "/nothing", "/docs", "/docs/assets/favicon.png", "/openapi.json"])
async def test_every_answer_guards_itself(service: Service, path: str) -> None:
    headers = (await service.http.get(path)).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for directive in ("frame-ancestors", "base-uri", "form-action"):
        assert f"{directive} 'none'" in headers["Content-Security-Policy"]
    assert not {"server", "x-powered-by"} & headers.keys()
    assert not [name for name in headers if name.startswith("access-control-")]


async def test_pages_of_other_origins_may_ask_only_if_they_are_named(settings: Settings) -> None:
    asked: dict[str, Any] = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with serving(but(settings, cors_origins="https://shop.example, https://desk.example")) as service:
        for origin, status, allowed_as in (
            ("https://desk.example", 200, "https://desk.example"),
            ("https://stranger.example", 400, None),
        ):
            answer = await service.http.options("/orders", headers=asked | {"Origin": origin})
            assert answer.status_code == status
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed_as
    async with serving(settings) as service:
        answer = await service.http.options("/orders", headers=asked | {"Origin": "https://desk.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers
