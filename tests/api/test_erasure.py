"""A customer's data are erased everywhere and permanently, and the history of events stays."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from temporalio.service import RPCError, RPCStatusCode

from api.orders import erasure as erasures
from domain.common import contexts
from domain.erasure import workflow_id as erasure_id
from domain.order_status.reconciliation import Reconciliation, Repair
from domain.order_status.view import OrderFilter
from domain.orders import workflow_id
from ops.rebuild_view import rebuild
from runtime.temporal_client import connect
from stores.installation.tables import INSTALLATION
from stores.management_center.tables import ASSIGNMENT
from stores.order_status.tables import ORDER_CHANGE, ORDER_STATUS
from stores.order_status.view import OrderStatusStore
from tests.api.ending import deleted, terminated
from tests.api.problems import assert_problem
from tests.api.service import Service, window
from tests.eventually import PATIENCE, soon
from workflows.order_status.reconciliation import ReconciliationWorkflow

PERSONAL: dict[str, Any] = {
    "customerId": f"SECRET-{uuid4().hex}",
    "customerName": "SECRET name",
    "contactPhone": "SECRET phone",
    "note": "SECRET note",
    "installationAddress": "Seoul SECRET",
}
TABLES = {
    contexts.INSTALLATION: [INSTALLATION],
    contexts.MANAGEMENT_CENTER: [ASSIGNMENT],
    contexts.ORDER_STATUS: [ORDER_STATUS, ORDER_CHANGE],
}


@pytest.fixture
def erase(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the path for a customer of this test, because the server has erasures of other tests, too."""
    monkeypatch.setitem(PERSONAL, "customerId", f"SECRET-{uuid4().hex}")
    monkeypatch.setattr(erasures, "ERASE_WITHIN", PATIENCE)
    return f"/orders/customers/{PERSONAL['customerId']}/personalData"


async def remembered(service: Service, order_id: str) -> bool:
    """Return whether any store still has personal data of an order."""
    found: list[Any] = []
    for context, tables in TABLES.items():
        async with service.opened(context) as database, database.reading() as connection:
            for table in tables:
                found += (await connection.execute(select(table).where(table.c.order_id == order_id))).all()
    assert found
    return "SECRET" in str(found)


async def known_to_temporal(service: Service, order_id: str) -> bool:
    client = await connect(service.settings)
    try:
        await client.get_workflow_handle(workflow_id(order_id)).describe()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def fulfilled(service: Service) -> str:
    """Create an order of the customer with texts of every person involved. Returns its id."""
    order_id = await service.requested(**PERSONAL)
    moved = await service.http.post(f"/orders/{order_id}/reschedule", json={"preferredVisit": window(13, days=5)})
    assert moved.status_code == 200, moved.text

    async def accepted() -> bool:
        return (await service.act(order_id, "accept")).status_code == 200

    await soon(accepted, what="the engineer has been asked anew, and accepts")
    assert (await service.act(order_id, "complete", note="SECRET", serials=["SECRET"])).status_code == 200
    await service.closed(order_id)
    await service.until(order_id, "JOIN_COMPLETED")
    return order_id


async def canceled(service: Service) -> str:
    order_id = await service.requested(**PERSONAL)
    answer = await service.http.post(f"/orders/{order_id}/cancel", json={"reason": "SECRET"})
    assert answer.status_code == 200
    await service.closed(order_id)
    await service.until(order_id, "ORDER_CANCELED")
    return order_id


async def test_the_skeletons_of_a_customers_orders_stay_and_nothing_brings_the_data_back(
    service: Service, erase: str
) -> None:
    await service.work()
    order_ids = [await fulfilled(service), await canceled(service)]
    others = await service.completed()
    statuses = service.app.state.services.get(OrderStatusStore)
    before = {order_id: (await statuses.get(order_id)).order for order_id in [*order_ids, others]}
    for order_id in order_ids:
        assert await remembered(service, order_id)

    answer = await service.http.delete(erase)

    assert (answer.status_code, answer.json()) == (200, {"erasedOrders": 2})
    # A try of a worker that was thought dead, and a view that is made again.
    await statuses.put([before[order_id] for order_id in order_ids])
    await rebuild(service.settings, anew=False, at_once=4)
    for order_id in order_ids:
        assert not await remembered(service, order_id)
        assert not await known_to_temporal(service, order_id)
        row = (await service.http.get(f"/orderStatuses/{order_id}")).json()
        assert (row["status"], row["region"]) == (before[order_id].status, "KR-11")
        assert [(entry["event"], entry["detail"]) for entry in row["history"]] == [
            *((entry.event, None) for entry in before[order_id].history),
            ("PersonalDataErased", None),
        ]
        assert {entry["by"].partition(":")[0] for entry in row["history"]} <= {"customer", "engineer", "system"}
    changes = await statuses.changes_after(0, OrderFilter(), 1000)
    assert "SECRET" not in str(changes)
    assert (await statuses.get(others)).order == before[others]
    assert await known_to_temporal(service, others)
    assert (await service.http.delete(erase)).json() == {"erasedOrders": 0}


async def test_what_the_view_keeps_no_longer_nobody_remembers_either(service: Service, erase: str) -> None:
    """Otherwise an erasure would not find the order."""
    await service.work()
    order_id = await fulfilled(service)
    client = await connect(service.settings)

    done = await client.execute_workflow(
        ReconciliationWorkflow.run,
        Reconciliation(since=datetime.now(UTC), keep_for=1e-6),
        id=uuid4().hex,
        task_queue=contexts.ORDER_STATUS,
    )

    assert done.repaired == {Repair.EXPIRED: 1}
    assert (await service.http.get(f"/orderStatuses/{order_id}")).status_code == 404
    assert not await remembered(service, order_id)
    assert (await service.http.get(f"/installations/{order_id}")).json()["status"] == "COMPLETED"
    assert (await service.http.delete(erase)).json() == {"erasedOrders": 0}


async def test_while_an_order_is_open_nothing_is_erased(service: Service, erase: str) -> None:
    await service.work()
    ended = await canceled(service)
    await service.requested(**PERSONAL)

    assert_problem(await service.http.delete(erase), 409, "orders-open")

    assert await remembered(service, ended)
    assert await known_to_temporal(service, ended)


async def test_what_is_cut_short_is_done_to_its_end(
    service: Service, erase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasures, "ERASE_WITHIN", 0.5)
    await service.work()
    order_id = await canceled(service)
    await service.rest(contexts.INSTALLATION)

    answer = await service.http.delete(erase)
    assert (answer.status_code, answer.json()) == (202, {"erasedOrders": None})

    async def half_done() -> bool:
        return not await known_to_temporal(service, order_id)

    await soon(half_done, what="the workflow is deleted")
    await service.rest()
    await service.work()

    async def done() -> bool:
        return not await remembered(service, order_id)

    await soon(done, what="everything is erased")


@pytest.mark.parametrize("end", [terminated, deleted])
async def test_an_erasure_that_somebody_ends_has_no_result(
    service: Service, erase: str, end: Callable[[Service, str], Awaitable[bool]]
) -> None:
    answering = asyncio.create_task(service.http.delete(erase))
    await soon(lambda: end(service, erasure_id(PERSONAL["customerId"])), what="the erasure is ended")

    assert_problem(await answering, 503, "no-answer-in-time")
