import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from api.orders import lookup as known_orders
from domain.orders import OrderStatus
from runtime.settings import Settings
from tests.api.problems import assert_problem
from tests.api.service import NOWHERE, Service, but, serving, silent_port
from tests.eventually import soon
from tests.stopwatch import stopwatch

UNKNOWN = "0" * 32


@pytest.fixture
def without_view(settings: Settings) -> Settings:
    """A read model that does not answer."""
    return but(settings, order_status_database_url=NOWHERE)


async def test_an_order_is_shown_as_its_workflow_has_it(service: Service) -> None:
    await service.work()
    order_id = await service.requested()

    order = (await service.http.get(f"/orders/{order_id}")).json()

    assert (order["status"], order["stale"], order["region"]) == ("INSTALLATION_REQUESTED", False, "KR-11")
    assert [entry["event"] for entry in order["history"]] == ["JoinOrdered", "OrderAccepted", "InstallationRequested"]


async def test_a_query_that_stays_unanswered_is_asked_once_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.work()
    order_id = await service.requested()
    query, asked = WorkflowHandle.query, []

    async def lost_once(*what: Any, **how: Any) -> Any:
        asked.append(what)
        if len(asked) == 1:
            await asyncio.Event().wait()
        return await query(*what, **how)

    monkeypatch.setattr(WorkflowHandle, "query", lost_once)
    monkeypatch.setattr(known_orders, "FIRST_TRY", 0.01)

    assert (await service.http.get(f"/orders/{order_id}")).json()["stale"] is False


async def test_an_order_that_has_ended_is_shown_as_it_ended(service: Service) -> None:
    await service.work()
    order_id = await service.completed()

    order = (await service.http.get(f"/orders/{order_id}")).json()

    assert (order["status"], order["stale"]) == ("JOIN_COMPLETED", False)


async def test_without_a_worker_the_read_model_tells(service: Service) -> None:
    order_id = await service.order()
    await service.until(order_id, "JOIN_ORDERED")

    answer = await service.http.get(f"/orders/{order_id}")

    assert (answer.status_code, answer.json()["stale"]) == (200, True)
    assert answer.json()["installationAddress"] == "Seoul"


async def test_without_a_worker_and_the_read_model_temporal_s_own_record_tells(without_view: Settings) -> None:
    async with serving(without_view) as service:
        await service.work("orders", "management-center")
        order_id = await service.order()
        await soon(lambda: has_status(service, order_id, "ENGINEER_ASSIGNED"))
        await service.rest()

        order = (await service.http.get(f"/orders/{order_id}")).json()

    assert order["stale"] is True
    assert (order["customerId"], order["installationAddress"]) == ("1", "Seoul")
    assert [entry["event"] for entry in order["history"]] == ["JoinOrdered"]


async def test_an_order_that_has_ended_is_shown_without_worker_and_read_model(without_view: Settings) -> None:
    quickly_given_up = but(without_view, order_projection_patience=0.1)
    async with serving(quickly_given_up) as service:
        await service.work()
        order_id = await service.order()
        await service.http.post(f"/orders/{order_id}/cancel")
        await service.closed(order_id)
        await service.rest()

        order = (await service.http.get(f"/orders/{order_id}")).json()

    assert (order["status"], order["stale"]) == ("ORDER_CANCELED", False)
    assert order["history"][-1]["event"] == "OrderCanceled"


async def test_while_temporal_is_down_the_read_model_tells(
    service: Service, settings: Settings, free_port: int
) -> None:
    order_id = await service.order()
    await service.until(order_id, "JOIN_ORDERED")

    async with serving(but(settings, temporal_port=free_port)) as cut_off:
        answer = await cut_off.http.get(f"/orders/{order_id}")

    assert (answer.status_code, answer.json()["stale"]) == (200, True)


async def test_what_temporal_has_forgotten_the_read_model_still_knows(service: Service) -> None:
    order_id = await service.forgotten(OrderStatus.JOIN_COMPLETED)

    order = (await service.http.get(f"/orders/{order_id}")).json()

    assert (order["status"], order["stale"]) == ("JOIN_COMPLETED", False)


@pytest.mark.parametrize("order_id", [UNKNOWN, "summary", "a" * 65, "%00", "a%20b", "키"])
async def test_an_order_that_nobody_knows_is_not_found(service: Service, order_id: str) -> None:
    assert_problem(await service.http.get(f"/orders/{order_id}"), 404, "not-found")


async def test_an_order_is_not_said_to_be_unknown_while_who_may_know_it_does_not_answer(
    settings: Settings, without_view: Settings, free_port: int
) -> None:
    async with serving(without_view) as without_row:
        assert_problem(await without_row.http.get(f"/orders/{UNKNOWN}"), 503, "no-answer-in-time")
    async with serving(but(settings, temporal_port=free_port)) as without_temporal:
        assert_problem(await without_temporal.http.get(f"/orders/{UNKNOWN}"), 503, "temporal-unavailable")


async def test_when_nobody_answers_that_is_said_in_time(without_view: Settings, impatient: None) -> None:
    with silent_port() as port:
        async with serving(but(without_view, temporal_port=port)) as service, stopwatch() as watch:
            answer = await service.http.get(f"/orders/{UNKNOWN}")
            assert watch.seconds < 4

    assert_problem(answer, 503, "temporal-unavailable")


async def has_status(service: Service, order_id: str, status: str) -> bool:
    return bool((await service.http.get(f"/orders/{order_id}")).json()["status"] == status)
