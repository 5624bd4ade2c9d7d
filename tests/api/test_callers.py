"""What each role may see and do on a real service, and what the audit trail records."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from api.order_status import change_stream as feed
from api.security.principals import LEEWAY
from domain.orders import Order
from harness.waiting import PATIENCE, soon
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.issuer import Issuer
from tests.api.known import bearer, know_both, tokens_of
from tests.api.problems import assert_problem
from tests.api.seen import of_customer
from tests.api.service import CONTRACT_BODY, NOWHERE, Service, but, listening, serving, window

BODY = CONTRACT_BODY | {"orderDate": None}


@pytest.fixture
async def service(settings: Settings, issuer: Issuer) -> AsyncIterator[Service]:
    async with serving(but(settings, **issuer.settings)) as service:
        yield service


class Person:
    """A client with a token."""

    def __init__(self, service: Service, token: str) -> None:
        self._http = service.http
        self._headers = bearer(token)

    async def get(self, path: str) -> httpx2.Response:
        return await self._http.get(path, headers=self._headers)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **more: str) -> httpx2.Response:
        return await self._http.post(path, json=body or {}, headers=self._headers | more)

    async def put(self, path: str, body: Mapping[str, Any]) -> httpx2.Response:
        return await self._http.put(path, json=body, headers=self._headers)

    async def items(self, path: str) -> list[Any]:
        answer = await self.get(path)
        assert answer.status_code == 200, answer.text
        items: list[Any] = answer.json()["items"]
        return items


async def test_the_history_names_whose_token_it_was_and_nobody_else_gets_at_the_order(
    service: Service, issuer: Issuer
) -> None:
    await service.work()
    service.http.headers["Authorization"] = f"Bearer {issuer.token('kim', 'manager')}"
    customer, stranger = (Person(service, issuer.token(subject, "customer")) for subject in ("1", "2"))
    placed = await customer.post("/orders", BODY)
    assert placed.status_code == 201, placed.text
    order_id = placed.json()["orderId"]
    engineer_id = (await service.until(order_id, "INSTALLATION_REQUESTED"))["engineerId"]
    engineer, other = (Person(service, issuer.token(one, "engineer")) for one in (engineer_id, "kr-26-1"))
    manager = Person(service, issuer.token("kim", "manager", regions=["KR-11"]))

    for outsider, path, body in (
        (stranger, f"/orders/{order_id}/cancel", {}),
        (stranger, f"/orders/{order_id}/reschedule", {"preferredVisit": window()}),
        (other, f"/installations/{order_id}/accept", {}),
        (other, f"/installations/{order_id}/decline", {"engineerId": engineer_id}),
    ):
        assert_problem(await outsider.post(path, body), 404, "not-found")
    assert_problem(
        await engineer.post(f"/installations/{order_id}/accept", {"engineerId": "kr-26-1"}), 403, "forbidden"
    )
    assert_problem(
        await manager.post(f"/orders/{order_id}/reschedule", {"preferredVisit": window(), "managerId": "lee"}),
        403,
        "forbidden",
    )
    assert (await customer.get(f"/orders/{order_id}")).json()["status"] == "INSTALLATION_REQUESTED"

    assert (await engineer.post(f"/installations/{order_id}/accept")).json()["status"] == "ACCEPTED"
    moved = await manager.post(f"/orders/{order_id}/reschedule", {"preferredVisit": window(days=4)})
    assert moved.status_code == 200, moved.text
    canceled = await customer.post(f"/orders/{order_id}/cancel")
    assert canceled.status_code == 200, canceled.text
    events = ("JoinOrdered", "InstallationAccepted", "VisitRescheduled", "CancelOrdered")
    for who, by in (
        (manager, ["customer:1", f"engineer:{engineer_id}", "manager:kim", "customer:1"]),
        (customer, ["customer:1", "engineer", "manager", "customer:1"]),
    ):
        history = (await who.get(f"/orders/{order_id}")).json()["history"]
        assert [entry["by"] for entry in history if entry["event"] in events] == by


async def test_every_answer_of_an_order_on_its_way_is_seen_by_the_role(service: Service, issuer: Issuer) -> None:
    """The routes that need a worker: placing, rescheduling, canceling, the engineer's acts."""
    await service.work()
    service.http.headers["Authorization"] = f"Bearer {issuer.token('kim', 'manager')}"
    customer = Person(service, issuer.token("1", "customer"))
    key, contact = (
        {"Idempotency-Key": uuid4().hex},
        {"customerName": "김가입", "contactPhone": "010-1", "note": "loud dog"},
    )
    placed = await customer.post("/orders", BODY | contact, **key)
    order_id = placed.json()["orderId"]
    engineer_id = (await service.until(order_id, "INSTALLATION_REQUESTED"))["engineerId"]
    assert (await service.act(order_id, "decline", reason="not this street")).status_code == 200

    async def next_engineer() -> str:
        row = (await service.http.get(f"/orderStatuses/{order_id}")).json()
        found: str = row["engineerId"]
        return found if row["status"] == "INSTALLATION_REQUESTED" and found != engineer_id else ""

    engineer = Person(service, issuer.token(await soon(next_engineer), "engineer"))

    acts = [await engineer.get(f"/installations/{order_id}"), await engineer.post(f"/installations/{order_id}/accept")]
    moved = await customer.post(f"/orders/{order_id}/reschedule", {"preferredVisit": window(days=4)})
    again = await customer.post("/orders", BODY | contact, **key)
    canceled = await customer.post(f"/orders/{order_id}/cancel", {"reason": "moves to Busan"})
    of_manager = (await service.http.get(f"/orders/{order_id}")).json()
    after = await engineer.get(f"/installations/{order_id}")

    assert [answer.status_code for answer in (placed, *acts, moved, again, canceled, after)] == [201] + [200] * 6
    for answer in (moved, again, canceled):
        seen = answer.json()
        whole = of_manager | {"history": of_manager["history"][: len(seen["history"])]}
        assert seen["history"] == of_customer(whole, "1")["history"]
        assert seen["contactPhone"] == "010-1"
        assert not [word for word in ("manager:kim", "not this street", "engineer:") if word in answer.text]
    assert canceled.json() == of_customer(of_manager, "1")
    assert {answer.json()["customerNote"] for answer in (*acts, after)} == {"loud dog"}
    assert (after.json()["status"], after.json()["reason"]) == ("CANCELED", None)


async def test_who_acts_for_another_is_named_themselves(service: Service, issuer: Issuer) -> None:
    await service.work()
    service.http.headers["Authorization"] = f"Bearer {issuer.token('kim', 'manager')}"
    shop = Person(service, issuer.token("shop", "service", scope="orders:write"))
    order_id = (await shop.post("/orders", BODY)).json()["orderId"]
    await service.until(order_id, "INSTALLATION_REQUESTED")

    assert (await service.act(order_id, "accept")).status_code == 200

    history = (await service.http.get(f"/orders/{order_id}")).json()["history"]
    assert [entry["by"] for entry in history if entry["event"] in ("JoinOrdered", "InstallationAccepted")] == [
        "service:shop",
        "manager:kim",
    ]


async def test_a_customer_orders_for_nobody_else_and_an_idempotency_key_is_ones_own(
    service: Service, issuer: Issuer
) -> None:
    first, second = (Person(service, issuer.token(subject, "customer")) for subject in ("1", "2"))
    key = {"Idempotency-Key": uuid4().hex}

    assert_problem(await first.post("/orders", BODY | {"customerId": "2"}), 403, "forbidden")
    placed = [await first.post("/orders", BODY, **key), await second.post("/orders", BODY | {"customerId": "2"}, **key)]
    again = await first.post("/orders", BODY, **key)

    assert [answer.status_code for answer in (*placed, again)] == [201, 201, 200]
    assert placed[0].json()["orderId"] == again.json()["orderId"] != placed[1].json()["orderId"]


async def test_an_order_that_the_view_does_not_know_is_its_customers_all_the_same(
    settings: Settings, issuer: Issuer
) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE, **issuer.settings)) as service:
        first, second = (Person(service, issuer.token(subject, "customer")) for subject in ("1", "2"))
        order_id = (await first.post("/orders", BODY)).json()["orderId"]

        assert (await first.post(f"/orders/{order_id}/cancel")).status_code == 202
        assert_problem(await second.post(f"/orders/{order_id}/cancel"), 404, "not-found")


async def test_lists_hold_what_is_ones_own(service: Service, issuer: Issuer) -> None:
    await know_both(service)
    people = {who: Person(service, token) for who, token in tokens_of(issuer).items() if token}
    both = {"own-order", "others-order"}

    async def ids(who: str, path: str, key: str = "orderId") -> set[str]:
        return {str(item[key]) for item in await people[who].items(path)}

    for who in ("customer", "regional"):
        assert await ids(who, "/orderStatuses") == {"own-order"}
    assert await ids("manager", "/orderStatuses") == both
    assert await ids("engineer", "/installations") == {"own-order"}
    assert await ids("regional", "/installations") == {"own-order"}
    assert await ids("regional", "/installations?engineerId=kr-26-1") == set()
    assert await ids("service", "/installations") == both
    for entries in ("daysOff", "extraShifts"):
        assert await ids("regional", f"/managementCenters/{entries}", "engineerId") == {"kr-11-1"}
    assert await ids("regional", "/managementCenters/engineers", "region") == {"KR-11"}
    assert len(await ids("manager", "/managementCenters/engineers?limit=200", "region")) == 17
    assert (await people["regional"].get("/orderStatuses/summary")).json()["total"] == 1
    assert (await people["manager"].get("/orderStatuses/summary")).json()["total"] == 2
    for who, path in (
        ("customer", "/orderStatuses?customerId=2"),
        ("engineer", "/installations?engineerId=kr-26-1"),
        ("regional", "/orderStatuses?region=KR-26"),
        ("regional", "/orderStatuses/summary?region=KR-26"),
        ("regional", "/managementCenters/engineers?region=KR-26"),
        ("regional", "/managementCenters/daysOff?region=KR-26"),
        ("regional", "/managementCenters/extraShifts?region=KR-26"),
    ):
        assert_problem(await people[who].get(path), 403, "forbidden")


async def test_a_manager_of_a_region_changes_nothing_elsewhere(service: Service, issuer: Issuer) -> None:
    await know_both(service)
    regional = Person(service, issuer.token("lee", "manager", regions=["KR-11"]))
    day = {"from": "2030-01-02"}

    for path, body in (
        ("/managementCenters/engineers", {"name": "김하나", "region": "KR-26"}),
        ("/managementCenters/daysOff", day | {"region": "KR-26"}),
        ("/managementCenters/extraShifts", day | {"region": "KR-26"}),
    ):
        assert_problem(await regional.post(path, body), 403, "forbidden")
    for path in ("/managementCenters/daysOff", "/managementCenters/extraShifts"):
        for engineer_id in ("kr-26-1", "unknown"):
            answer = await regional.post(path, day | {"engineerId": engineer_id})
            assert_problem(answer, 422, "invalid-input")
        assert (await regional.post(path, day | {"engineerId": "kr-11-1"})).status_code == 201
    given = await regional.put("/managementCenters/assignments/own-order", {"engineerId": "kr-26-1"})
    assert_problem(given, 409, "engineer-unavailable")


async def test_a_listener_hears_of_their_own_orders_until_their_token_ends(
    settings: Settings, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    expires = int(time.time()) + 600
    now = [expires + LEEWAY - 0.2]
    monkeypatch.setattr(feed, "time", lambda: now[0])
    headers = bearer(issuer.token("1", "customer", exp=expires)) | {"Last-Event-ID": "0"}
    heard = []
    with listening(but(settings, **issuer.settings)) as url:
        async with (
            serving(settings) as inside,
            httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as http,
            http.stream("GET", "/orderStatuses/events", headers=headers) as stream,
        ):
            await inside.app.state.services.get(OrderStatusStore).put([Order("others", "2"), Order("own", "1")])
            async for line in stream.aiter_lines():
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: "))["orderId"])
                    now[0] += 0.2

    assert heard == ["own"]
