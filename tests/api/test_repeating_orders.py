"""Repeated orders with an idempotency key."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest

from api.http.errors import TemporalUnavailable
from api.orders.lookup import OrderLookup
from api.orders.routes import order_id_of
from api.orders.schemas import OrderRequest
from api.security.permissions import EVERYBODY
from domain.common.errors import StoreUnavailable
from domain.orders import OrderStatus
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import CONTRACT_BODY, Service, but, serving, window


async def test_the_same_key_and_body_give_the_same_order_again(service: Service) -> None:
    headers = {"Idempotency-Key": "key-of-one-customer"}

    first = await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)
    again = await service.http.post("/orders", json=CONTRACT_BODY | {"productId": 2001, "note": None}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json()["orderId"] == first.json()["orderId"]


async def test_orders_with_the_same_key_at_the_same_time_are_one_order(service: Service) -> None:
    headers = {"Idempotency-Key": "at-once"}

    answers = await asyncio.gather(
        *(service.http.post("/orders", json=CONTRACT_BODY, headers=headers) for _ in range(10))
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["orderId"] for answer in answers}) == 1


async def test_a_key_is_good_for_one_body(service: Service) -> None:
    headers = {"Idempotency-Key": "reused"}
    await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)

    answer = await service.http.post("/orders", json=CONTRACT_BODY | {"productName": "IPTV"}, headers=headers)

    assert_problem(answer, 422, "idempotency-key-reused")


async def test_a_key_still_counts_after_the_order_has_ended(service: Service) -> None:
    await service.work()
    headers = {"Idempotency-Key": "ended"}
    order_id = (await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)).json()["orderId"]
    await service.http.post(f"/orders/{order_id}/cancel")
    await service.closed(order_id)

    again = await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)

    assert (again.status_code, again.json()["status"]) == (200, "ORDER_CANCELED")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 200),
        ({"customerId": 1, "orderDate": None}, 200),
        ({"orderDate": "20200716"}, 422),
        ({"note": None}, 422),
        ({"preferredVisit": "2030-01-02T09:00:01+09:00"}, 422),
    ],
)
async def test_a_key_still_counts_after_temporal_has_forgotten_the_order(
    service: Service, sent: dict[str, Any], status: int
) -> None:
    key = uuid4().hex
    body = CONTRACT_BODY | {"note": "문", "preferredVisit": "2030-01-02T09:00:00+09:00"}
    taken = OrderRequest.model_validate(body).order(order_id_of(key, EVERYBODY), at=datetime.now(UTC))
    order_id = await service.forgotten(OrderStatus.JOIN_COMPLETED, taken)

    again = await service.http.post("/orders", json=body | sent, headers={"Idempotency-Key": key})

    if status == 200:
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert (again.json()["orderId"], again.json()["status"]) == (order_id, "JOIN_COMPLETED")
    else:
        assert_problem(again, status, "idempotency-key-reused")
    assert not service.order_ids


async def test_a_key_still_counts_after_visits_have_other_windows(service: Service, settings: Settings) -> None:
    body, headers = CONTRACT_BODY | {"preferredVisit": window()}, {"Idempotency-Key": uuid4().hex}
    order_id = (await service.http.post("/orders", json=body, headers=headers)).json()["orderId"]

    async with serving(but(settings, visit_first_start="10:00")) as later:
        again = await later.http.post("/orders", json=body, headers=headers)
        another = await later.http.post("/orders", json=body | {"note": "문"}, headers=headers)
        new = [await later.http.post("/orders", json=body, headers=h) for h in ({}, {"Idempotency-Key": uuid4().hex})]

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["orderId"] == order_id
    assert_problem(another, 422, "idempotency-key-reused")
    for answer in new:
        assert_problem(answer, 422, "invalid-input")


@pytest.mark.parametrize("key", [b"", b"a b", b"a" * 201, "키".encode()])
async def test_a_key_is_of_up_to_200_visible_characters(service: Service, key: bytes) -> None:
    answer = await service.http.post("/orders", json=CONTRACT_BODY, headers={b"Idempotency-Key": key})

    assert_problem(answer, 400, "malformed-request")


async def test_without_a_key_each_order_is_another(service: Service) -> None:
    assert await service.order() != await service.order()


async def test_a_replay_that_nobody_can_answer_carries_the_id_to_ask_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Idempotency-Key": "nobody"}
    order_id = (await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)).json()["orderId"]
    for error, slug in (
        (StoreUnavailable("down"), "no-answer-in-time"),
        (TemporalUnavailable("down"), "temporal-unavailable"),
    ):
        monkeypatch.setattr(OrderLookup, "current", AsyncMock(side_effect=error))

        answer = await service.http.post("/orders", json=CONTRACT_BODY, headers=headers)

        assert assert_problem(answer, 503, slug)["orderId"] == order_id
