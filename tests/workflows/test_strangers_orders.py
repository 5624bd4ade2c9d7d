"""What reads orders from Temporal does not take a stranger's workflow for an order."""

from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RawValue
from temporalio.worker import Worker

from api.orders.lookup import OrderLookup
from domain.common import contexts
from domain.common.errors import NotFound
from domain.order_policy import OrderPolicy
from domain.orders import WORKFLOW_TYPE, Order, OrderStatus, Subscription, workflow_id
from harness.waiting import PATIENCE
from runtime.order_workflows import OrderWorkflows, placed_order, queried, result_of
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import NotBound
from stores.order_status.view import OrderStatusStore
from tests.encryption import bound_client
from tests.workflows.stage import Stage

SOON = timedelta(seconds=PATIENCE)
INPUTS: dict[str, list[Any]] = {
    "an order": [Subscription(Order("x", customer_id="1"), OrderPolicy())],
    "nothing": [],
}


@workflow.defn(name=WORKFLOW_TYPE, sandboxed=False)
class Impostor:
    """Says that it is a completed order."""

    def __init__(self) -> None:
        self.ended = False

    @workflow.run
    async def run(self, _: RawValue) -> Order:
        await workflow.wait_condition(lambda: self.ended)
        return self.order()

    @workflow.query
    def order(self) -> Order:
        return Order("x", status=OrderStatus.JOIN_COMPLETED)

    @workflow.signal
    def end(self) -> None:
        self.ended = True


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await bound_client(temporal_address, PayloadBinding.REQUIRE)


@pytest.mark.parametrize("sent", INPUTS)
async def test_an_order_that_nobody_has_placed_is_not_found(client: Client, temporal_address: str, sent: str) -> None:
    stranger, order_id = await Client.connect(temporal_address), uuid4().hex
    await stranger.start_workflow(WORKFLOW_TYPE, args=INPUTS[sent], id=workflow_id(order_id), task_queue="nobody")

    with pytest.raises(NotFound):
        await placed_order(client, order_id, SOON)
    await stranger.get_workflow_handle(workflow_id(order_id)).terminate()
    with pytest.raises(NotFound):
        await OrderWorkflows(client).query(order_id)


async def test_an_answer_of_a_strangers_worker_is_not_believed(client: Client, temporal_address: str) -> None:
    """Nor is the order taken for completed, whose workflow the stranger has completed."""
    stranger = await Client.connect(temporal_address)
    async with Stage(client) as stage:
        await stage.stop_orders()
        order = await stage.place()
        async with Worker(stranger, task_queue=contexts.ORDERS, workflows=[Impostor]):
            with pytest.raises(NotBound):
                await queried(client, order.order_id, SOON)
            await stranger.get_workflow_handle(order.handle.id).signal("end")
            with pytest.raises(WorkflowFailureError):
                await result_of(client, order.order_id, SOON)
        found = await OrderWorkflows(client).query(order.order_id)
        rows = AsyncMock(OrderStatusStore, get=AsyncMock(side_effect=NotFound("no order has this id")))
        known = await OrderLookup(client, rows).current(order.order_id)
        stage.placed.remove(order)

    assert (found.carried, found.answered, known.stale) == (False, False, True)
    assert found.order.status is known.order.status is OrderStatus.JOIN_ORDERED
