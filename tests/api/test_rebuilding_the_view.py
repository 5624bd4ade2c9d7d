"""The view is lost while the service runs, and is rebuilt from the workflows."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from temporalio.service import RPCError, RPCStatusCode

from activities.order_status import view_rebuild
from activities.order_status.view_repair import Outcome, ViewRepair
from domain.common import contexts
from domain.orders import workflow_id
from ops import rebuild_view
from ops.rebuild_view import rebuild
from runtime import order_workflows
from runtime.order_workflows import Listed, OrderWorkflows
from runtime.temporal_client import connect
from stores.migration import drop
from stores.order_status.tables import ORDER_EVENT
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


async def told(service: Service) -> list[tuple[int, str]]:
    """Return the number and the id of each event in the outbox."""
    async with service.opened(contexts.ORDER_STATUS) as database, database.reading() as connection:
        found = await connection.execute(select(ORDER_EVENT).order_by(ORDER_EVENT.c.sequence))
        return [(row.sequence, row.event_id) for row in found]


async def test_a_rebuilt_view_tells_nothing_new(service: Service) -> None:
    await service.work()
    completed, requested = await service.completed(), await service.requested()
    await listed(service, completed, requested)
    before = await told(service)
    assert len(before) == 6 + 3

    assert await rebuild(service.settings, anew=False, at_once=2) == 0
    assert await told(service) == before
    assert await rebuild(service.settings, anew=True, at_once=2) == 0

    after = await told(service)
    assert after[: len(before)] == before
    assert sorted(id_ for _, id_ in after[len(before) :]) == sorted(id_ for _, id_ in before)
    assert after[len(before)][0] > before[-1][0]


async def test_a_view_whose_tables_are_broken_is_not_rebuilt_unless_they_may_be_dropped(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    async with service.opened(contexts.ORDER_STATUS) as database, database.writing() as connection:
        await connection.exec_driver_sql("DROP TABLE order_status")

    assert await rebuild(service.settings, anew=False, at_once=2) == 1
    assert "--drop" in capsys.readouterr().out
    assert await rebuild(service.settings, anew=True, at_once=2) == 0


async def test_a_rebuild_that_was_interrupted_goes_on_where_it_stood(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every order is compared once, whichever of the two rebuilds does it, and those that are taken between."""
    await service.work()
    orders = [await service.requested() for _ in range(3)]
    await listed(service, *orders)
    monkeypatch.setattr(order_workflows, "PAGE", 1)
    compared: list[str] = []
    started, repair = OrderWorkflows.started, ViewRepair.repair

    async def away(self: OrderWorkflows, *arguments: Any) -> Listed:
        if len(compared) == 2:
            raise RPCError("Temporal is away", RPCStatusCode.UNAVAILABLE, b"")
        return await started(self, *arguments)

    async def noted(self: ViewRepair, order_id: str, **options: Any) -> Outcome:
        compared.append(order_id)
        return await repair(self, order_id, **options)

    monkeypatch.setattr(ViewRepair, "repair", noted)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(OrderWorkflows, "started", away)
        assert await rebuild(service.settings, anew=True, at_once=2) == 1
    *_, position = capsys.readouterr().out.split("--after ")
    assert len(compared) == 2
    taken = await service.requested()
    await listed(service, taken)

    assert await rebuild(service.settings, anew=False, at_once=2, after=rebuild_view.position(position.strip())) == 0

    assert sorted(compared) == sorted([*orders, taken])
    for order_id in (*orders, taken):
        await service.until(order_id, "INSTALLATION_REQUESTED")


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00:00+00:00/soon/"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|isoformat"):
        rebuild_view.position(text)


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
