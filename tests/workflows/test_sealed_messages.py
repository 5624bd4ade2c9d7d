"""Only who has the keys speaks to an order: what anybody else sends changes nothing, stops nothing, and is counted."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.workflowservice.v1 import SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowQueryFailedError, WorkflowUpdateStage
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.worker import Worker

from domain.common import contexts
from domain.common.seals import MALFORMED_MESSAGE
from domain.erasure import CustomersOrders, Erasure
from domain.installation import CANCEL_INSTALLATION, CancelInstallation, EngineerAct, EngineerAction
from domain.management_center.assignments import ManualAssignment
from domain.orders import Acknowledgement, CancelRequest, Message, Order, OrderStatus, Subscription, workflow_id
from harness.waiting import PATIENCE
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import BOUND_TO, REFUSALS
from tests.encryption import bound_client
from tests.workflows import places
from tests.workflows.erasing import erasing
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.reset import reset
from tests.workflows.stage import QUICK, Stage, replay
from tests.workflows.waiting import eventually

UPDATES: Mapping[str, object] = {
    Message.CANCEL: CancelRequest("manager:x"),
    Message.ASSIGN_ENGINEER: ManualAssignment("e2", by="manager:x"),
    Message.RESCHEDULE: {"start": "2030-01-07T02:00:00Z", "by": "manager:x"},
    Message.RECONSIDER: {"round": 9},
    Message.ACKNOWLEDGE: Acknowledgement("manager:x"),
    **{action: EngineerAct("e1") for action in EngineerAction},
}


@pytest.fixture
async def stranger(temporal_address: str) -> Client:
    """Somebody without keys."""
    return await Client.connect(temporal_address)


@pytest.fixture
async def stage(temporal_address: str) -> AsyncIterator[Stage]:
    """A stage where messages have to be bound."""
    async with Stage(await bound_client(temporal_address, PayloadBinding.REQUIRE)) as stage:
        yield stage


def refused(what: str) -> float:
    (metric,) = REFUSALS.collect()
    return sum(s.value for s in metric.samples if s.labels.get("what") == what and s.name.endswith("_total"))


async def until_refused(what: str, times: float) -> None:
    async def so() -> bool:
        return refused(what) >= times

    await eventually(so)


async def unchanged(order: Placed) -> None:
    """Check that an order stands as it was requested, and that it still works."""
    told = await order.order()
    assert told.status is OrderStatus.INSTALLATION_REQUESTED
    assert [entry.by for entry in told.history if "x" in entry.by] == []
    await order.accept()
    await order.start()
    await order.complete()
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def send(client: Client, order: Placed, signal: str, *payloads: Payload) -> None:
    await client.workflow_service.signal_workflow_execution(
        SignalWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=order.handle.id),
            signal_name=signal,
            input=Payloads(payloads=payloads),
            request_id=uuid4().hex,
        )
    )


async def test_what_a_stranger_sends_changes_nothing_stops_nothing_and_is_counted(
    stage: Stage, stranger: Client
) -> None:
    order = await stage.place()
    await places.requested(order)
    before = {what: refused(what) for what in ("signal", "update")}
    handle = stranger.get_workflow_handle(order.handle.id)

    await handle.signal(Message.REQUEST_CANCEL, CancelRequest("manager:x"))
    await handle.signal(Message.REQUEST_CANCEL)
    await handle.signal(Message.REQUEST_CANCEL, args=[None])
    for update, argument in UPDATES.items():
        assert await refusal(handle.execute_update(update, argument)) == MALFORMED_MESSAGE, update
        assert await refusal(handle.execute_update(update)) == MALFORMED_MESSAGE, update
    await until_refused("signal", before["signal"] + 3)

    assert refused("update") == before["update"] + 2 * len(UPDATES)
    await unchanged(order)


@pytest.mark.parametrize("binding", [PayloadBinding.ACCEPT, PayloadBinding.WRITE])
async def test_a_message_that_is_bound_to_nothing_counts_until_that_is_required(
    temporal_address: str, stranger: Client, binding: PayloadBinding
) -> None:
    async with Stage(await bound_client(temporal_address, binding)) as stage:
        order = await stage.place()
        await places.requested(order)

        await stranger.get_workflow_handle(order.handle.id).signal(Message.REQUEST_CANCEL, CancelRequest("manager:x"))

        assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def sent_payload(order: Placed, signal: str) -> Payload:
    """Return the payload of a signal, as Temporal shows it to everybody."""
    async for event in order.handle.fetch_history_events():
        attributes = event.workflow_execution_signaled_event_attributes
        if attributes.signal_name == signal:
            return attributes.input.payloads[0]
    raise AssertionError(f"{signal} is not in the history")


@pytest.mark.parametrize("binding", [PayloadBinding.WRITE, PayloadBinding.REQUIRE])
async def test_the_payload_of_one_order_is_refused_by_another(
    temporal_address: str, stranger: Client, binding: PayloadBinding
) -> None:
    async with Stage(await bound_client(temporal_address, binding)) as stage:
        canceled, order = await stage.place(), await stage.place()
        await places.requested(order)
        await canceled.cancel(Way.SIGNAL)
        await canceled.result()
        payload, before = await sent_payload(canceled, Message.REQUEST_CANCEL), refused("forged")
        renamed = Payload(metadata=dict(payload.metadata) | {BOUND_TO: order.handle.id.encode()}, data=payload.data)
        handle = stranger.get_workflow_handle(order.handle.id)

        for forged in (payload, renamed):
            await send(stranger, order, Message.REQUEST_CANCEL, forged)
            assert await refusal(handle.execute_update(Message.CANCEL, RawValue(forged))) == MALFORMED_MESSAGE
        await until_refused("forged", before + 4)

        await unchanged(order)


STARTS: dict[str, tuple[str, str, list[Any]]] = {
    "an order": ("SubscriptionWorkflow", contexts.ORDERS, [Subscription(Order("x"), QUICK)]),
    "an order that cannot be read": ("SubscriptionWorkflow", contexts.ORDERS, [{"order": 5}]),
    "no order": ("SubscriptionWorkflow", contexts.ORDERS, []),
    "null for an order": ("SubscriptionWorkflow", contexts.ORDERS, [None]),
    "bytes for an order": ("SubscriptionWorkflow", contexts.ORDERS, [b"{}"]),
}


@pytest.mark.parametrize("start", STARTS)
async def test_an_order_that_a_stranger_starts_ends_at_once(stage: Stage, stranger: Client, start: str) -> None:
    workflow, queue, args = STARTS[start]
    order_id = stage.new_id()

    handle = await stranger.start_workflow(workflow, args=args, id=workflow_id(order_id), task_queue=queue)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(WorkflowFailureError):
            await handle.result()

    ours = stage.client.get_workflow_handle(handle.id)
    with pytest.raises(WorkflowQueryFailedError):
        await ours.query(Message.ORDER)
    assert order_id not in stage.contexts.projected
    await replay(await ours.fetch_history(), converter=stage.client.data_converter)


async def test_an_erasure_that_a_stranger_starts_erases_nothing(temporal_address: str, stranger: Client) -> None:
    client = await bound_client(temporal_address, PayloadBinding.REQUIRE)
    before = refused("start")

    async with erasing(client, CustomersOrders(["o1"])) as erased, asyncio.timeout(PATIENCE):
        for args in ([Erasure("1")], []):
            handle = await stranger.start_workflow(
                "ErasureWorkflow", args=args, id=uuid4().hex, task_queue=contexts.ORDER_STATUS
            )
            with pytest.raises(WorkflowFailureError):
                await handle.result()

    assert erased == []
    assert refused("start") == before + 2


async def test_the_web_ui_still_cancels_resets_and_terminates(stage: Stage, stranger: Client) -> None:
    order, set_back, ended = await stage.place(), await stage.place(), await stage.place()
    for each in (order, set_back, ended):
        await places.requested(each)

    await stranger.get_workflow_handle(order.handle.id).cancel()
    await stranger.get_workflow_handle(ended.handle.id).terminate(reason="by hand")
    await reset(stage, set_back)

    assert (await order.result()).status is OrderStatus.ORDER_CANCELED
    with pytest.raises(WorkflowFailureError):
        await ended.handle.result()
    stage.placed.remove(ended)
    await places.accepted(set_back)


async def test_what_was_believed_stays_believed_and_what_was_refused_stays_refused(
    temporal_address: str, stranger: Client
) -> None:
    """The setting changes, forth and back, while an order is open: each history goes on as it was."""
    lenient, strict = [
        await bound_client(temporal_address, binding) for binding in (PayloadBinding.WRITE, PayloadBinding.REQUIRE)
    ]
    async with Stage(lenient) as stage:
        order = await stage.place()
        await places.requested(order)
        told = stranger.get_workflow_handle(order.handle.id)
        await told.start_update(EngineerAction.ACCEPT, EngineerAct("e1"), wait_for_stage=WorkflowUpdateStage.COMPLETED)
        await stage.hand_over(strict)
        before = refused("signal")
        for _ in range(2):
            await told.signal(Message.REQUEST_CANCEL, CancelRequest("manager:x"))
        await until_refused("signal", before + 2)
        assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED

        await stage.hand_over(lenient)
        assert (await order.order()).status is OrderStatus.INSTALLATION_ACCEPTED
        history = await order.handle.fetch_history()
        for client in (lenient, strict):
            await replay(history, converter=client.data_converter)
        await told.signal(Message.REQUEST_CANCEL, CancelRequest("manager:x"))

        assert (await order.result()).status is OrderStatus.ORDER_CANCELED


@workflow.defn(sandboxed=False)
class Intruder:
    """A stranger's workflow, on a stranger's worker."""

    @workflow.run
    async def run(self, queue: str, activity: str) -> None:
        await workflow.execute_activity(
            activity,
            CancelInstallation("someone's"),
            task_queue=queue,
            result_type=RawValue,
            start_to_close_timeout=timedelta(seconds=PATIENCE),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def test_an_activity_is_carried_out_for_our_workflows_alone(stage: Stage, stranger: Client) -> None:
    before = refused("activity")

    async with Worker(stranger, task_queue="intruders", workflows=[Intruder]):
        with pytest.raises(WorkflowFailureError) as failed:
            await stranger.execute_workflow(
                Intruder.run,
                args=[CANCEL_INSTALLATION.context, CANCEL_INSTALLATION.name],
                id=uuid4().hex,
                task_queue="intruders",
            )

    assert isinstance(failed.value.cause, ActivityError)
    assert refused("activity") == before + 1
