import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from api.orders import canceling
from domain.installation import CancelInstallation
from domain.orders import Order, OrderStatus, workflow_id
from runtime.settings import Settings
from runtime.temporal_client import connect
from stores.installation.installations import InstallationStore
from tests.api import patience
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, silent_port
from tests.eventually import PATIENCE
from tests.stopwatch import stopwatch

UNKNOWN = "0" * 32


async def test_a_cancel_is_answered_once_the_installation_is_canceled_too(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    answer = await service.http.post(f"/orders/{order_id}/cancel", json={"reason": "이사"})

    assert (answer.status_code, answer.json()["status"], answer.json()["stale"]) == (200, "ORDER_CANCELED", False)
    canceled = next(entry for entry in answer.json()["history"] if entry["event"] == "CancelOrdered")
    assert (canceled["by"], canceled["detail"]) == ("customer:1", "이사")
    assert (await service.http.get(f"/installations/{order_id}")).json()["status"] == "CANCELED"


async def test_canceling_twice_is_canceling_once_before_and_after_the_order_has_closed(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    answers = await asyncio.gather(*(service.http.post(f"/orders/{order_id}/cancel") for _ in range(12)))
    await service.closed(order_id)
    answers.append(await service.http.post(f"/orders/{order_id}/cancel"))

    assert [answer.status_code for answer in answers] == [200] * 13
    assert {answer.json()["version"] for answer in answers} == {answers[0].json()["version"]}


async def test_after_the_completion_a_cancel_is_rejected(service: Service) -> None:
    await service.work()
    order_id = await service.completed()

    answer = await service.http.post(f"/orders/{order_id}/cancel")

    assert_problem(answer, 409, "order-cancel-rejected")


async def test_while_a_completion_is_carried_out_a_cancel_is_rejected(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    assert (await service.act(order_id, "accept")).status_code == 200
    await service.rest("installation")
    completing = asyncio.create_task(service.act(order_id, "complete"))
    await service.taken(order_id, "complete")
    patience.wait_long(patience.WORKERS)  # the orders' worker, which refuses, runs

    answer = await service.http.post(f"/orders/{order_id}/cancel")

    assert_problem(answer, 409, "order-cancel-rejected")
    assert_problem(await completing, 503, "no-answer-in-time")
    await service.work("installation")
    await service.until(order_id, "JOIN_COMPLETED")


async def test_a_cancel_that_was_rejected_is_taken_once_the_completion_has_come_to_nothing(service: Service) -> None:
    """An operator has reset the order, and its installation is already canceled, so nothing can be completed."""
    await service.work()
    order_id = await service.requested()
    assert (await service.act(order_id, "accept")).status_code == 200
    await service.rest("installation")
    completing = asyncio.create_task(service.act(order_id, "complete"))
    await service.taken(order_id, "complete")
    patience.wait_long(patience.WORKERS)  # the orders' worker, which refuses, runs
    for _ in range(2):
        assert_problem(await service.http.post(f"/orders/{order_id}/cancel"), 409, "order-cancel-rejected")
    await completing
    async with service.opened("installation") as database:
        await InstallationStore(database).cancel(CancelInstallation(order_id), at=datetime.now(UTC))
    await service.work("installation")
    await service.until(order_id, "AWAITING_ENGINEER")

    answers = [await service.http.post(f"/orders/{order_id}/cancel") for _ in range(2)]

    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "ORDER_CANCELED")] * 2


async def test_without_a_worker_a_cancel_is_recorded_and_done_when_one_comes(service: Service) -> None:
    order_id = await service.order()
    await service.until(order_id, "JOIN_ORDERED")

    answer = await service.http.post(f"/orders/{order_id}/cancel")

    assert (answer.status_code, answer.json()["status"], answer.json()["stale"]) == (202, "JOIN_ORDERED", True)
    await service.work()
    await service.until(order_id, "ORDER_CANCELED")
    assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 200


async def test_without_the_installation_context_a_cancel_is_recorded_and_done_when_it_is_back(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.work()
    order_id = await service.requested()
    await service.rest("installation")
    monkeypatch.setattr(canceling, "_told_within", lambda _: PATIENCE)  # the orders' worker, which takes it, runs

    answer = await service.http.post(f"/orders/{order_id}/cancel")

    assert (answer.status_code, answer.json()["status"], answer.json()["stale"]) == (202, "CANCEL_ORDERED", False)
    await service.work("installation")
    await service.until(order_id, "ORDER_CANCELED")


async def test_without_the_read_model_a_cancel_is_taken_with_and_without_a_worker(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        first, second = await service.order(), await service.order()
        assert (await service.http.post(f"/orders/{first}/cancel")).status_code == 202
        await service.work()
        assert (await service.http.post(f"/orders/{second}/cancel")).status_code == 200


@pytest.mark.parametrize(
    ("status", "answered"),
    [(OrderStatus.ORDER_CANCELED, 200), (OrderStatus.JOIN_COMPLETED, 409), (OrderStatus.INSTALLATION_REQUESTED, 202)],
)
async def test_the_read_model_tells_of_orders_that_temporal_has_forgotten(
    service: Service, status: OrderStatus, answered: int
) -> None:
    order_id = await service.forgotten(status)

    answer = await service.http.post(f"/orders/{order_id}/cancel")

    assert answer.status_code == answered


async def test_an_order_whose_workflow_was_terminated_or_is_lost_is_canceled_without_it(service: Service) -> None:
    await service.work()
    known = Order(uuid4().hex, "1", order_date="2020-07-15")
    terminated, lost = await service.requested(), await service.forgotten(OrderStatus.INSTALLATION_REQUESTED, known)
    client = await connect(service.settings)
    await client.get_workflow_handle(workflow_id(terminated)).terminate()

    for order_id in (terminated, lost):
        answer = await service.http.post(f"/orders/{order_id}/cancel", json={"reason": "이사"})
        assert (answer.status_code, answer.json()["status"]) == (202, "INSTALLATION_REQUESTED")
        assert answer.json()["stale"]

    for order_id in (terminated, lost):
        row = await service.until(order_id, "ORDER_CANCELED")
        canceled = next(entry for entry in row["history"] if entry["event"] == "CancelOrdered")
        assert (canceled["by"], canceled["detail"]) == ("customer:1", "이사")
        assert (await service.http.get(f"/installations/{order_id}")).json()["status"] == "CANCELED"
        assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 200


async def test_such_a_cancel_is_taken_without_the_view_and_without_any_worker(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        order_id = await service.order()
        client = await connect(service.settings)
        await client.get_workflow_handle(workflow_id(order_id)).terminate()

        assert (await service.http.post(f"/orders/{order_id}/cancel")).status_code == 202
        await client.get_workflow_handle(f"reconciliation-{order_id}").terminate()


async def test_an_unknown_order_cannot_be_canceled(service: Service) -> None:
    assert_problem(await service.http.post(f"/orders/{UNKNOWN}/cancel"), 404, "not-found")


async def test_whether_an_order_is_unknown_is_not_guessed(settings: Settings) -> None:
    async with serving(but(settings, order_status_database_url=NOWHERE)) as service:
        assert_problem(await service.http.post(f"/orders/{UNKNOWN}/cancel"), 503, "no-answer-in-time")


@pytest.mark.parametrize("silent", [True, False])
async def test_while_temporal_cannot_be_reached_that_is_said_in_time(
    settings: Settings, free_port: int, silent: bool, impatient: None
) -> None:
    with silent_port() as port:
        async with serving(but(settings, temporal_port=port if silent else free_port)) as service, stopwatch() as watch:
            answer = await service.http.post(f"/orders/{UNKNOWN}/cancel")
            assert watch.seconds < 5

    assert_problem(answer, 503, "temporal-unavailable")


@pytest.mark.parametrize("reason", ["", "a" * 201, "a\nb", 5])
async def test_a_reason_is_a_short_text(service: Service, reason: object) -> None:
    answer = await service.http.post(f"/orders/{UNKNOWN}/cancel", json={"reason": reason})

    assert [error["pointer"] for error in assert_problem(answer, 422, "invalid-input")["errors"]] == ["/reason"]
