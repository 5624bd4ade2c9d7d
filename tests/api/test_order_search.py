"""`POST /orderStatuses/search`: the list, found by what does not belong in a URL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from api.http import write_behind as batches
from domain.audit import AccessFilter
from domain.orders import Attention, Order, OrderStatus
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving
from tests.eventually import soon

PATH = "/orderStatuses/search"
AT = datetime(2026, 7, 1, tzinfo=UTC)
ORDERS = [
    Order("one", "c-1", "김하늘", "010-1234-5678", order_date="2026-07-01", region="KR-11", version=1),
    Order(
        "two",
        "c-2",
        "김바다",
        "+82 10 8765 4321",
        order_date="2026-07-02",
        region="KR-26",
        status=OrderStatus.AWAITING_ENGINEER,
        attention=Attention("NO_CAPACITY", AT),
        version=1,
    ),
    Order("three", "c-2", order_date="2026-07-03", engineer_id="e-1", engineer_name="김민준", version=1),
]


CASES: list[tuple[dict[str, Any], list[str] | int]] = [
    ({}, ["three", "two", "one"]),
    ({"q": "하늘"}, ["one"]),
    ({"q": "010-1234"}, ["one"]),
    ({"q": "01087654321"}, ["two"]),
    ({"q": "민준"}, ["three"]),
    ({"q": "김"}, 422),
    ({"q": " 김 "}, 422),
    ({"q": ""}, 422),
    ({"q": "a" * 201}, 422),
    ({"q": "a\u0000b"}, 422),
    ({"q": 1234}, 422),
    ({"q": None, "limit": 2}, ["three", "two"]),
    ({"status": ["JOIN_ORDERED"], "sort": "orderDate"}, ["one", "three"]),
    ({"status": "AWAITING_ENGINEER"}, ["two"]),
    ({"status": ["JOIN_ORDERED"] * 21}, 422),
    ({"status": ["OPEN"]}, 422),
    ({"region": ["KR-11", "KR-26"], "q": "김바"}, ["two"]),
    ({"region": ["Seoul"]}, 422),
    ({"engineerId": "e-1"}, ["three"]),
    ({"customerId": "c-2"}, ["three", "two"]),
    ({"attention": True}, ["two"]),
    ({"attention": "true"}, ["two"]),
    ({"attention": False}, ["three", "one"]),
    ({"attention": "NO_CAPACITY"}, ["two"]),
    ({"attention": "MAYBE"}, 422),
    ({"attention": 1}, 422),
    ({"sort": "name"}, 422),
    ({"limit": 0}, 422),
    ({"limit": 201}, 422),
    ({"limit": "2"}, 422),
    ({"cursor": "x"}, 400),
    ({"unknown": "김하늘"}, ["three", "two", "one"]),
]
"""Bodies, and the orders that they find, or the status with which they are refused."""


@pytest.fixture
def settings(without_temporal: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(batches, "GATHER_FOR", 0.01)
    return but(without_temporal, **issuer.settings)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings) as service:
        await service.app.state.services.get(OrderStatusStore).put(ORDERS)
        yield service


@pytest.fixture
def kim(issuer: Issuer) -> dict[str, str]:
    return bearer(issuer.token("kim", "manager"))


async def found(service: Service, headers: dict[str, str], **body: Any) -> list[str]:
    answer = await service.http.post(PATH, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return [row["orderId"] for row in answer.json()["items"]]


async def test_it_takes_what_the_list_takes(service: Service, kim: dict[str, str]) -> None:
    for body, expected in CASES:
        if isinstance(expected, list):
            assert await found(service, kim, **body) == expected, body
            continue
        answer = await service.http.post(PATH, json=body, headers=kim)
        assert answer.status_code == expected, (body, answer.text)
        assert_problem(answer, expected, {400: "malformed-request", 422: "invalid-input"}[expected])
        assert "function-" not in answer.text, "names of ours in a text for others"
        assert "tuple" not in answer.text


async def test_a_search_comes_in_pages_of_rows_as_the_list_has_them(service: Service, kim: dict[str, str]) -> None:
    first = (await service.http.post(PATH, json={"limit": 2, "sort": "orderDate"}, headers=kim)).json()
    rest = {"limit": 2, "sort": "orderDate", "cursor": first["nextCursor"]}
    second = (await service.http.post(PATH, json=rest, headers=kim)).json()
    listed = (await service.http.get("/orderStatuses?sort=orderDate", headers=kim)).json()

    assert first["items"] + second["items"] == listed["items"]
    assert second["nextCursor"] is None


async def test_in_a_url_q_finds_no_customer(service: Service, kim: dict[str, str]) -> None:
    for q in ("하늘", "5678", "01012345678"):
        assert (await service.http.get("/orderStatuses", params={"q": q}, headers=kim)).json()["items"] == []


async def test_a_limited_manager_finds_customers_of_their_regions_alone(service: Service, issuer: Issuer) -> None:
    regional = bearer(issuer.token("lee", "manager", regions=["KR-26"]))

    assert await found(service, regional, q="김하늘") == []
    assert await found(service, regional, q="김바다") == ["two"]
    answer = await service.http.post(PATH, json={"q": "김하늘", "region": ["KR-11"]}, headers=regional)
    assert_problem(answer, 403, "forbidden")


async def test_a_search_is_a_read_in_the_audit_and_names_its_filters_without_values(
    service: Service, issuer: Issuer, kim: dict[str, str]
) -> None:
    await found(service, kim, q="김하늘", status=["JOIN_ORDERED"], region=None, limit=1, unknown="김하늘")
    await found(service, kim, q="nobody here")
    customer = bearer(issuer.token("c-1", "customer"))
    assert_problem(await service.http.post(PATH, json={"q": "김하늘"}, headers=customer), 403, "forbidden")
    services = service.app.state.services

    async def written() -> bool:
        registry = service.app.state.health.registry
        waiting = [registry.get_sample_value(f"{name}_entries_waiting") for name in ("access", "audit")]
        return waiting == [0, 0]

    await soon(written, what="every entry is written")
    [entry] = (await services.get(AccessLogStore).list(AccessFilter(), 200)).items
    assert (entry.actor, entry.route, entry.filters, entry.people) == (
        "manager:kim",
        "POST /orderStatuses/search",
        ("q", "status"),
        1,
    )
    acts = (await service.http.get("/audit", headers=kim)).json()["items"]
    assert [(act["actor"], act["act"], act["target"], act["outcome"]) for act in acts] == [
        ("customer:c-1", "POST /orderStatuses/search", None, 403)
    ]


async def test_it_needs_the_scope_of_a_reader(service: Service, issuer: Issuer) -> None:
    reader = bearer(issuer.token("shop", "service", scope="orderStatuses:read"))
    assert await found(service, reader, q="하늘") == ["one"]

    writer = bearer(issuer.token("shop", "service", scope="orders:write"))
    assert_problem(await service.http.post(PATH, json={}, headers=writer), 403, "forbidden")


async def test_without_the_read_model_there_is_no_answer(settings: Settings, kim: dict[str, str]) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        assert_problem(await service.http.post(PATH, json={}, headers=kim), 503, "no-answer-in-time")


async def test_a_list_says_where_the_event_stream_stood_before_it_was_read(
    service: Service, kim: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = service.app.state.services.get(OrderStatusStore)
    before, list_ = await store.last_sequence(), OrderStatusStore.list

    async def late(self: OrderStatusStore, *arguments: Any) -> Any:
        # An order is stored just before the rows are read.
        await store.put([Order("late", version=1)])
        return await list_(self, *arguments)

    monkeypatch.setattr(OrderStatusStore, "list", late)
    for answer in (
        await service.http.get("/orderStatuses", headers=kim),
        await service.http.post(PATH, json={}, headers=kim),
    ):
        assert int(answer.headers["Feed-Position"]) <= before + 1
        assert "late" in answer.text
    assert int(answer.headers["Feed-Position"]) == before + 1 < await store.last_sequence() + 1
    described = service.app.openapi()["paths"]
    for operation in (described["/orderStatuses"]["get"], described[PATH]["post"]):
        assert "Feed-Position" in operation["responses"]["200"]["headers"]
