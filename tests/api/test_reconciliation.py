"""A pass of the reconciliation corrects the rows of the view that are wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select, update
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.order_status import reconciliation
from activities.order_status.view_repair import Outcome, ViewRepair
from domain.common import contexts
from domain.erasure import skeleton
from domain.installation import Installation, RecordAnswer
from domain.order_status.reconciliation import EndOrder, Look, Reconciled, Reconciliation, Repair
from domain.orders import Attention, Order, OrderStatus, workflow_id
from ops import end_lost_orders
from runtime import order_workflows
from runtime.order_workflows import OrderWorkflows
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import FORMAT
from runtime.temporal_client import connect
from stores.installation.installations import InstallationStore
from stores.installation.tables import INSTALLATION
from stores.management_center.tables import BOOKING
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.view import OrderStatusStore
from tests.api.service import Service
from tests.eventually import soon
from workflows.order_status.reconciliation import ReconciliationWorkflow


class Operator:
    """An operator with Temporal's command line and access to the databases."""

    def __init__(self, service: Service, client: Client) -> None:
        self.service = service
        self.since = datetime.now(UTC)
        self._client = client

    def workflow(self, order_id: str) -> WorkflowHandle[Any, Any]:
        return self.workflow_of(workflow_id(order_id))

    def workflow_of(self, id_: str) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(id_)

    async def reconcile(self, **more: Any) -> Reconciled:
        """Run one pass over this test's orders, none of which is too new for it."""
        return await self._client.execute_workflow(
            ReconciliationWorkflow.run,
            Reconciliation(quiet_for=0, since=self.since, **more),
            id=uuid4().hex,
            task_queue=contexts.ORDER_STATUS,
        )

    async def spoil(self, order_id: str, row: Order | None) -> None:
        """Change an order's row in the view, or delete it."""
        async with self.service.opened(contexts.ORDER_STATUS) as database:
            await ReconciliationStore(database).forget([order_id], datetime.now(UTC) + timedelta(days=1))
        if row is not None:
            await self.service.app.state.services.get(OrderStatusStore).put([row])

    async def booked(self, order_id: str) -> int:
        """Return the number of windows booked for an order."""
        async with self.service.opened(contexts.MANAGEMENT_CENTER) as database, database.reading() as asking:
            found = await asking.execute(select(func.count()).where(BOOKING.c.order_id == order_id))
            return int(found.scalar_one())

    async def terminate(self, order_id: str) -> None:
        await self.workflow(order_id).terminate()
        await self.until_listed(order_id, "Terminated")

    async def until_listed(self, order_id: str, status: str) -> None:
        async def listed() -> bool:
            query = f"WorkflowId = '{workflow_id(order_id)}' AND ExecutionStatus = '{status}'"
            return (await self._client.count_workflows(query)).count == 1

        await soon(listed)

    async def set_back(self, order_id: str, *, after: EventType.ValueType) -> None:
        """Reset an order to the point after the first event of a kind. Later messages are dropped."""
        events = iter((await self.workflow(order_id).fetch_history()).events)
        next(event for event in events if event.event_type == after)
        task = next(event for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        await self._client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self._client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id(order_id)),
                workflow_task_finish_event_id=task.event_id,
                request_id=uuid4().hex,
                reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE],
            )
        )


@pytest.fixture
async def operator(service: Service) -> Operator:
    await service.work()
    return Operator(service, await connect(service.settings))


async def test_what_the_view_has_missed_or_shows_wrongly_is_shown_as_it_is(
    service: Service, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows on every page are corrected."""
    for module in (reconciliation, order_workflows):
        monkeypatch.setattr(module, "PAGE", 1)
    monkeypatch.setattr(reconciliation, "_PAGE_EVERY", 0)
    statuses = service.app.state.services.get(OrderStatusStore)
    missed, stale, ended = await service.requested(), await service.requested(), await service.completed()
    shown = {order_id: (await statuses.get(order_id)).order for order_id in (missed, stale, ended)}
    await operator.spoil(missed, None)
    await operator.spoil(stale, Order(stale, status=OrderStatus.AWAITING_ENGINEER, version=7))
    await operator.spoil(ended, replace(shown[ended], status=OrderStatus.INSTALLATION_ACCEPTED))
    await operator.until_listed(ended, "Completed")

    done = await operator.reconcile()

    assert done.repaired == {Repair.MISSED: 1, Repair.STALE: 2}
    for order_id, order in shown.items():
        row = (await statuses.get(order_id)).order
        assert replace(row, version=0) == replace(order, version=0)
        assert row.version >= order.version
    assert (await operator.reconcile()).repaired == {}


async def test_a_late_try_to_end_an_order_does_not_bring_back_what_was_erased_since(service: Service) -> None:
    statuses = service.app.state.services.get(OrderStatusStore)
    order = Order(uuid4().hex, customer_id="1", installation_address="Seoul")
    erased = skeleton(replace(order, status=OrderStatus.ORDER_CANCELED), at=datetime.now(UTC))
    await statuses.put([erased])

    async with service.opened(contexts.ORDER_STATUS) as database:
        late = reconciliation.ReconciliationActivities(database, Mock(), CollectorRegistry(), every=0)
        await late.end_order(EndOrder(order, Installation()))

    assert (await statuses.get(order.order_id)).order == erased


async def test_an_order_whose_workflow_was_terminated_ends_with_its_installation(
    service: Service, operator: Operator
) -> None:
    order_id, forgotten = await service.requested(), await service.requested()
    await service.act(order_id, "accept")
    await operator.spoil(forgotten, None)
    await operator.terminate(order_id)
    await operator.terminate(forgotten)
    assert await operator.booked(order_id) == 1
    assert (await service.http.get(f"/orders/{order_id}")).json()["stale"]

    assert (await operator.reconcile()).repaired == {Repair.ENDED: 2}

    for ended in (order_id, forgotten):
        row = await service.until(ended, "ORDER_CANCELED")
        events = [(entry["event"], entry["by"], entry["detail"]) for entry in row["history"][-3:]]
        assert events == [
            ("CancelOrdered", "system", "the workflow was terminated"),
            ("InstallationCanceled", "system", None),
            ("OrderCanceled", "system", None),
        ]
        assert (await service.http.get(f"/installations/{ended}")).json()["status"] == "CANCELED"
        assert await operator.booked(ended) == 0
        order = (await service.http.get(f"/orders/{ended}")).json()
        assert (order["status"], order["stale"]) == ("ORDER_CANCELED", False)
        assert (await service.http.post(f"/orders/{ended}/cancel")).status_code == 200
    assert (await operator.reconcile()).repaired == {}


async def test_more_terminated_orders_than_one_result_may_have_are_ended_by_the_next_pass(
    service: Service, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_ENDED_AT_MOST", 1)
    for order_id in [await service.requested() for _ in range(2)]:
        await operator.terminate(order_id)

    # Twice for the one that was left: among those started lately, and in its status.
    first = (await operator.reconcile()).repaired
    second = (await operator.reconcile()).repaired

    assert first[Repair.ENDED] + second.get(Repair.ENDED, 0) == 2
    assert first[Repair.UNANSWERED] == 1
    assert (await operator.reconcile()).repaired == {}


async def test_an_order_whose_installation_was_completed_before_it_was_terminated_is_complete(
    service: Service, operator: Operator
) -> None:
    order_id = await service.requested()
    await operator.terminate(order_id)
    async with service.opened(contexts.INSTALLATION) as database:
        await InstallationStore(database).complete(RecordAnswer(order_id, 1, at=datetime.now(UTC)))

    assert (await operator.reconcile()).repaired == {Repair.ENDED: 1}

    row = await service.until(order_id, "JOIN_COMPLETED")
    assert row["installCompletedAt"]
    assert [entry["event"] for entry in row["history"][-3:]] == [
        *("InstallationAccepted", "InstallationCompleted", "JoinCompleted")
    ]
    assert (await service.http.get(f"/installations/{order_id}")).json()["status"] == "COMPLETED"


async def test_a_person_is_asked_for_where_temporal_does_not_know_an_order_and_an_operator_may_have_it_ended(
    service: Service, operator: Operator
) -> None:
    lost = Order(uuid4().hex, customer_id="1", order_date="2020-07-15", installation_address="Seoul")
    await service.app.state.services.get(OrderStatusStore).put([lost])
    long_ended = await service.forgotten(OrderStatus.JOIN_COMPLETED)

    assert (await operator.reconcile()).repaired == {Repair.LOST: 1}
    assert (await operator.reconcile()).repaired == {}

    row = await service.until(lost.order_id, "JOIN_ORDERED")
    assert row["attention"]["reason"] == "WORKFLOW_LOST"
    # The time of the change, as of every other: or it would count as unchanged since 1970.
    assert row["version"] > operator.since.timestamp() * 1000
    assert (await operator.reconcile(end_lost=True)).repaired == {Repair.ENDED: 1}
    assert (await service.until(lost.order_id, "ORDER_CANCELED"))["attention"] is None
    assert (await service.until(long_ended, "JOIN_COMPLETED"))["attention"] is None


async def test_an_installation_of_the_release_before_gets_what_it_lacks_while_it_is_open(
    service: Service, operator: Operator
) -> None:
    taken, ended = await service.requested(note="2층"), await service.completed()
    store = service.app.state.services.get(InstallationStore)
    known = {order_id: await store.newest(order_id) for order_id in (taken, ended)}
    async with service.opened(contexts.INSTALLATION) as database, database.writing() as connection:
        left_out = {"region": None, "customer_note": None, "product_id": None, "customer_id": None}
        await connection.execute(update(INSTALLATION).values(left_out))

    assert (await operator.reconcile()).repaired == {}

    assert await store.newest(taken) == known[taken]
    assert (known[taken].region, known[taken].customer_note, known[taken].product_id) == ("KR-11", "2층", "2001")
    assert await store.newest(ended) == replace(known[ended], **left_out)


async def test_an_order_that_was_reset_after_its_end_is_shown_as_it_stands_again(
    service: Service, operator: Operator
) -> None:
    order_id = await service.completed()
    await operator.until_listed(order_id, "Completed")  # so that what is listed as running is the run after the reset
    await operator.set_back(order_id, after=EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)
    await operator.until_listed(order_id, "Running")
    assert (await service.until(order_id, "JOIN_COMPLETED"))["attention"] is None

    await operator.reconcile()

    await service.until(order_id, "INSTALLATION_ACCEPTED")
    assert (await service.act(order_id, "complete")).status_code == 200
    await service.until(order_id, "JOIN_COMPLETED")


async def test_what_a_newer_release_shows_is_not_put_back_to_what_this_one_knows(
    service: Service, operator: Operator
) -> None:
    """Either a worker of this release returns the order, or only the newer release knows whether it has ended."""
    statuses = service.app.state.services.get(OrderStatusStore)
    newer = "OF_A_NEWER_RELEASE"
    ahead, reasoned, behind, terminated = [await service.requested() for _ in range(4)]
    shown = {order_id: (await statuses.get(order_id)).order for order_id in (ahead, reasoned, behind, terminated)}
    rows = {
        ahead: replace(shown[ahead], status=OrderStatus(newer), version=shown[ahead].version + 5),
        reasoned: replace(shown[reasoned], attention=Attention(newer), version=shown[reasoned].version + 5),
        behind: replace(shown[behind], status=OrderStatus(newer), version=shown[behind].version - 5),
        terminated: replace(shown[terminated], status=OrderStatus(newer)),
    }
    for order_id, row in rows.items():
        await operator.spoil(order_id, row)
    for order_id in (ahead, reasoned, behind):
        await operator.until_listed(order_id, "Running")
    await operator.terminate(terminated)

    # Twice for the one whose status is known: among those started lately, and in that status.
    assert (await operator.reconcile()).repaired == {Repair.UNANSWERED: 4, Repair.STALE: 1}

    for order_id in (ahead, reasoned, terminated):
        assert (await statuses.get(order_id)).order == rows[order_id]
    assert (await statuses.get(behind)).order == shown[behind]
    assert (await service.http.get(f"/installations/{terminated}")).json()["status"] == "REQUESTED"
    assert await operator.booked(terminated) == 1


@pytest.mark.parametrize("end_lost", [False, True])
async def test_an_order_of_a_newer_release_is_not_lost_where_temporal_has_forgotten_it(
    service: Service, operator: Operator, end_lost: bool
) -> None:
    order_id = await service.forgotten(OrderStatus("OF_A_NEWER_RELEASE"))
    async with service.opened(contexts.ORDER_STATUS) as database:
        repair = ViewRepair(OrderWorkflows(await connect(service.settings)), OrderStatusStore(database))

        assert await repair.repair(order_id, end_lost=end_lost) == Outcome(Repair.UNANSWERED)

    assert (await service.app.state.services.get(OrderStatusStore).get(order_id)).order.attention is None


async def test_a_cancel_that_only_a_newer_release_can_carry_out_is_left_to_it(
    service: Service, operator: Operator
) -> None:
    """The request was acknowledged, so it is retried until a worker of that release takes it."""
    order_id = await service.forgotten(OrderStatus("OF_A_NEWER_RELEASE"))
    async with service.opened(contexts.ORDER_STATUS) as database:
        client = await connect(service.settings)
        activities = reconciliation.ReconciliationActivities(database, client, CollectorRegistry(), every=0)
        with pytest.raises(ApplicationError) as unanswered:
            await ActivityEnvironment().run(activities.look, Look(only=order_id))
        with pytest.raises(ApplicationError) as refused:
            await activities.end_order(EndOrder(Order(order_id), Installation(order_id)))
        assert [error.value.non_retryable for error in (unanswered, refused)] == [False, False]

    assert (await service.app.state.services.get(OrderStatusStore).get(order_id)).order.status == "OF_A_NEWER_RELEASE"


async def test_an_operator_has_lost_orders_ended_by_a_message_that_is_bound(
    service: Service, operator: Operator
) -> None:
    client = await connect(service.settings.model_copy(update={"payload_binding": PayloadBinding.REQUIRE}))

    told = await end_lost_orders.start(client)

    assert "end-lost-orders" in told
    handle = operator.workflow_of("end-lost-orders")
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes.input.payloads
    (plan,) = await client.data_converter.decode(started, [Reconciliation])
    assert plan == Reconciliation(end_lost=True)
    assert FORMAT in started[0].metadata

    async def looks() -> bool:
        events = (await handle.fetch_history()).events
        return any(event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED for event in events)

    # The pass is not refused. The server has many orders of other tests, so nobody waits for its end.
    await soon(looks, what="the pass looks for orders")
    await handle.terminate()
