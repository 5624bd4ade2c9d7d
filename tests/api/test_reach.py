"""What somebody may see is the same in a list, by id, in the stream, and when a request is repeated."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from api.orders.routes import order_id_of
from api.security.principals import Caller, Role
from domain.orders import Attention, Order, OrderStatus
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.fuzzed import end_streams
from tests.api.issuer import Issuer
from tests.api.known import bearer
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, Service, but, serving
from tests.eventually import soon
from tests.stores.orders import NOON


@pytest.fixture
async def service(settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    end_streams(monkeypatch)
    async with serving(but(settings, **issuer.settings, rate_limit_anonymous=0)) as service:
        yield service


def manager(issuer: Issuer, *regions: str) -> dict[str, str]:
    """Return a manager's headers, for these regions or without a limit."""
    return bearer(issuer.token("lee", "manager", **({"regions": list(regions)} if regions else {})))


async def place(service: Service, headers: Mapping[str, str], key: str, **changes: Any) -> Any:
    body = CONTRACT_BODY | changes
    return await service.http.post("/orders", json=body, headers={**headers, "Idempotency-Key": key})


async def test_placing_again_shows_no_order_of_another_region(service: Service, issuer: Issuer) -> None:
    await service.work()
    everywhere, seoul = manager(issuer), manager(issuer, "KR-11")
    keys = {region: uuid4().hex for region in ("Seoul", "Busan")}
    placed = {region: await place(service, seoul, key, installationAddress=region) for region, key in keys.items()}
    assert {answer.status_code for answer in placed.values()} == {201}
    ids = {region: answer.json()["orderId"] for region, answer in placed.items()}
    for order_id in ids.values():

        async def requested(order_id: str = order_id) -> bool:
            answer = await service.http.get(f"/orderStatuses/{order_id}", headers=everywhere)
            return answer.is_success and answer.json()["status"] == "INSTALLATION_REQUESTED"

        await soon(requested)

    again = {region: await place(service, seoul, key, installationAddress=region) for region, key in keys.items()}
    unknown = await service.http.get("/orders/unknown", headers=seoul)

    assert (again["Seoul"].status_code, again["Seoul"].json()["orderId"]) == (200, ids["Seoul"])
    assert_problem(again["Busan"], 404, "not-found")
    assert again["Busan"].content == unknown.content
    assert "Idempotent-Replayed" not in again["Busan"].headers
    reused = await place(service, seoul, keys["Busan"], installationAddress="Jeju")
    assert_problem(reused, 422, "idempotency-key-reused")
    for region, status in (("Seoul", 200), ("Busan", 404)):
        for path in ("/orders", "/orderStatuses", "/managementCenters/assignments", "/installations"):
            answer = await service.http.get(f"{path}/{ids[region]}", headers=seoul)
            assert answer.status_code == status, (path, region)


async def test_hiring_again_shows_no_engineer_of_another_region(service: Service, issuer: Issuer) -> None:
    everywhere, seoul = manager(issuer), manager(issuer, "KR-11")
    engineers = "/managementCenters/engineers"

    async def hire(name: str = "김하나") -> Any:
        body, key = {"name": name, "region": "KR-11"}, {"Idempotency-Key": "one"}
        return await service.http.post(engineers, json=body, headers=seoul | key)

    made = await hire()
    assert (made.status_code, (await hire()).status_code) == (201, 200)
    path = f"{engineers}/{made.json()['engineerId']}"
    assert (await service.http.patch(path, json={"region": "KR-26"}, headers=everywhere)).is_success

    again = await hire()
    assert_problem(again, 404, "not-found")
    assert "Idempotent-Replayed" not in again.headers
    assert_problem(await hire("이하나"), 422, "idempotency-key-reused")


async def test_an_order_without_a_region_is_its_senders_when_it_is_placed_again(
    service: Service, issuer: Issuer
) -> None:
    seoul, key = manager(issuer, "KR-11"), uuid4().hex
    placed = await place(service, seoul, key, installationAddress="Busan")

    again = await place(service, seoul, key, installationAddress="Busan")

    assert (placed.status_code, again.status_code) == (201, 200)
    assert again.json()["orderId"] == placed.json()["orderId"]
    assert_problem(await service.http.get(f"/orders/{placed.json()['orderId']}", headers=seoul), 404, "not-found")


@pytest.mark.parametrize(("region", "status"), [("KR-11", 200), ("KR-26", 404)])
async def test_an_order_that_only_the_view_still_has_is_no_exception(
    service: Service, issuer: Issuer, region: str, status: int
) -> None:
    order_id = order_id_of("key", Caller(Role.MANAGER, "lee"))
    order = Order(
        order_id,
        "1",
        product_id="2001",
        product_name="internet",
        installation_address="Seoul",
        order_date="2020-07-15",
        status=OrderStatus.JOIN_COMPLETED,
        region=region,
    )
    await service.app.state.services.get(OrderStatusStore).put([order])

    assert (await place(service, manager(issuer, "KR-11"), "key")).status_code == status
    assert (await place(service, manager(issuer), "key")).status_code == 200


async def test_a_replayed_stream_has_what_the_list_has(service: Service, issuer: Issuer) -> None:
    store = service.app.state.services.get(OrderStatusStore)
    moved, found = Order("moved", "1", region="KR-11", version=1), Order("found", "1", version=1)
    await store.put([moved, found])
    await store.put([replace(moved, region="KR-26", version=2), replace(found, region="KR-11", version=2)])

    for region, only, other in (("KR-11", "found", "moved"), ("KR-26", "moved", "found")):
        headers = manager(issuer, region)
        assert await streamed(service, headers) == [(only, 1), (only, 2)]
        listed = (await service.http.get("/orderStatuses", headers=headers)).json()["items"]
        assert [one["orderId"] for one in listed] == [only]
        assert (await service.http.get(f"/orderStatuses/{only}", headers=headers)).status_code == 200
        assert (await service.http.get(f"/orderStatuses/{other}", headers=headers)).status_code == 404


async def test_a_customer_finds_by_attention_what_they_see_of_it(service: Service, issuer: Issuer) -> None:
    reasons = {"lost": "VISIT_LOST", "inner": "MANAGEMENT_CENTER_UNAVAILABLE", "full": "NO_CAPACITY", "none": None}
    orders = [
        Order(name, "1", version=1, attention=Attention(reason, NOON) if reason else None)
        for name, reason in reasons.items()
    ]
    await service.app.state.services.get(OrderStatusStore).put(orders)
    customer = bearer(issuer.token("1", "customer"))

    for query, found in {
        "": {"lost", "inner", "full", "none"},
        "attention=true": {"lost", "full"},
        "attention=true&sort=attentionSince": {"lost", "full"},
        "attention=VISIT_LOST": {"lost"},
        "attention=MANAGEMENT_CENTER_UNAVAILABLE": set[str](),
        "attention=false": {"inner", "none"},
    }.items():
        answer = await service.http.get(f"/orderStatuses?{query}", headers=customer)
        assert {one["orderId"]: one["attention"] is None for one in answer.json()["items"]} == {
            name: name in ("inner", "none") for name in found
        }, query
        assert {name for name, _ in await streamed(service, customer, query.partition("&")[0])} == found
    for query in ("sort=attentionSince", "attention=false&sort=-attentionSince"):
        assert_problem(await service.http.get(f"/orderStatuses?{query}", headers=customer), 403, "forbidden")
        answer = await service.http.get(f"/orderStatuses?{query}", headers=manager(issuer))
        assert answer.status_code == 200


async def streamed(service: Service, headers: Mapping[str, str], query: str = "") -> list[tuple[str, int]]:
    """Return the orders and versions of the stream from its beginning."""
    answer = await service.http.get(f"/orderStatuses/events?{query}", headers={**headers, "Last-Event-ID": "0"})
    assert answer.status_code == 200, answer.text
    told = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line.startswith("data: ")]
    return [(one["orderId"], one["version"]) for one in told]
