"""The view is lost while the service runs, and is rebuilt from the workflows."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from activities.order_status import view_rebuild
from domain.common import contexts
from domain.orders import workflow_id
from ops.rebuild_view import rebuild
from runtime.order_workflows import OrderWorkflows
from runtime.temporal_client import connect
from stores.migration import drop
from tests.api.service import Service
from tests.eventually import soon


@pytest.fixture(autouse=True)
def only_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebuild only this test's orders, because the server has others, and without a wait for late ones."""
    monkeypatch.setattr(view_rebuild, "UNSET", datetime.now(UTC))
    monkeypatch.setattr(view_rebuild, "_LISTED_WITHIN", timedelta())


async def listed(service: Service, *order_ids: str) -> None:
    """Wait until Temporal's list, which lags behind, contains the orders."""
    workflows = OrderWorkflows(await connect(service.settings))

    async def has_all() -> bool:
        return len((await workflows.of(order_ids)).workflows) == len(order_ids)

    await soon(has_all, what="the orders are listed")


async def test_a_lost_view_is_made_again_and_meanwhile_orders_are_taken_and_canceled(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    await service.work()
    requested, completed, canceled = await service.requested(), await service.completed(), await service.requested()
    terminated = await service.requested()
    await (await connect(service.settings)).get_workflow_handle(workflow_id(terminated)).terminate()
    before = await service.until(completed, "JOIN_COMPLETED")
    counted = (await service.http.get("/orderStatuses/statistics")).json()["items"]
    assert sum(day["ordered"] for day in counted) == 4
    assert [day["hoursToCompletion"] for day in counted if day["completed"]] == [{"median": 1, "p90": 1}]

    await drop(contexts.ORDER_STATUS, service.settings.database_url(contexts.ORDER_STATUS))

    assert (await service.http.get(f"/orderStatuses/{completed}")).status_code == 503
    assert (await service.http.post(f"/orders/{canceled}/cancel")).status_code == 200
    assert (await service.act(requested, "accept")).status_code == 200
    taken = await service.order()
    await listed(service, requested, completed, canceled, terminated, taken)
    assert await rebuild(service.settings, anew=True, at_once=2) == 0

    after = await service.until(completed, "JOIN_COMPLETED")
    assert after | {"updatedAt": before["updatedAt"]} == before
    await service.until(canceled, "ORDER_CANCELED")
    await service.until(requested, "INSTALLATION_ACCEPTED")
    await service.until(taken, "INSTALLATION_REQUESTED")
    await service.until(terminated, "INSTALLATION_REQUESTED")
    totals: Counter[str] = Counter()
    for day in (await service.http.get("/orderStatuses/statistics")).json()["items"]:
        totals.update({name: day[name] for name in ("ordered", "completed", "canceled")})
    assert totals == {"ordered": 5, "completed": 1, "canceled": 1}
    told = capsys.readouterr().out
    assert "5 orders compared" in told
    assert "1 workflows were ended from outside" in told


async def test_a_view_whose_tables_are_broken_is_not_rebuilt_unless_they_may_be_dropped(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    async with service.opened(contexts.ORDER_STATUS) as database, database.writing() as connection:
        await connection.exec_driver_sql("DROP TABLE order_status")

    assert await rebuild(service.settings, anew=False, at_once=2) == 1
    assert "--drop" in capsys.readouterr().out
    assert await rebuild(service.settings, anew=True, at_once=2) == 0


async def test_orders_that_no_worker_tells_of_are_shown_as_they_were_taken(service: Service) -> None:
    await service.work()
    order_id = await service.requested()
    await listed(service, order_id)
    await service.rest(contexts.ORDERS)
    await drop(contexts.ORDER_STATUS, service.settings.database_url(contexts.ORDER_STATUS))

    assert await rebuild(service.settings, anew=True, at_once=2) == 1

    await service.until(order_id, "JOIN_ORDERED")
    await service.work(contexts.ORDERS)
    assert await rebuild(service.settings, anew=False, at_once=2) == 0
    await service.until(order_id, "INSTALLATION_REQUESTED")
