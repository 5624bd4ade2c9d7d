"""The cost of an order in Temporal: actions and events."""

import asyncio
from collections import Counter

from temporalio.api.enums.v1 import EventType

from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage

ORDERS = 10


async def counted(order: Placed) -> Counter[str]:
    """Count the events of an undisturbed order. Each message comes when the order waits for it."""
    await places.requested(order)
    await order.until_quiet()
    await order.accept()
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    await order.until_quiet()
    await order.complete()
    await order.result()
    return Counter(EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in await order.events())


async def test_an_order_that_is_placed_accepted_and_completed_costs_what_it_may(stage: Stage) -> None:
    orders = await asyncio.gather(*[counted(await stage.place()) for _ in range(ORDERS)])

    for events in orders:
        assert events["ACTIVITY_TASK_SCHEDULED"] == events["ACTIVITY_TASK_COMPLETED"] == 8
        assert events["WORKFLOW_EXECUTION_UPDATE_COMPLETED"] == 2
        assert events["TIMER_STARTED"] == 2
        assert events["UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"] == 3
        assert events["MARKER_RECORDED"] == 0
    # Completion and close go out together; where their ends do not meet in one workflow task, it takes one more.
    assert {(events["WORKFLOW_TASK_COMPLETED"], events.total()) for events in orders} <= {(10, 66), (11, 69)}
    assert min(events["WORKFLOW_TASK_COMPLETED"] for events in orders) == 10
