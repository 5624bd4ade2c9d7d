"""The server that skips time is never asked for what it does wrong."""

from datetime import timedelta

from temporalio.api.enums.v1 import EventType

from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.order_status.view import PROJECT_ORDER
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage
from tests.workflows.time_skipping import HALF_A_MILLISECOND

_ASKED = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED


async def test_an_order_that_ends_while_it_is_being_stored_asks_the_real_server_alone_to_cancel_that(
    stage: Stage, timeless: Stage
) -> None:
    """Each replays, too."""
    assert _ASKED in await ended_while_being_stored(stage)
    assert _ASKED not in await ended_while_being_stored(timeless)


async def test_no_time_limit_there_ends_on_a_whole_second(stage: Stage, timeless: Stage) -> None:
    for where, within_a_millisecond in ((stage, 0), (timeless, HALF_A_MILLISECOND // timedelta.resolution)):
        order = await where.place()
        await order.until(OrderStatus.INSTALLATION_REQUESTED)
        [assigning] = await order.scheduled(ASSIGN_ENGINEER.name)
        assert assigning.schedule_to_close_timeout.ToMicroseconds() % 1000 == within_a_millisecond


async def ended_while_being_stored(stage: Stage) -> "list[EventType.ValueType]":
    """Cancel an order whose state before that is being stored for as long. Returns the types of its events."""
    order: Placed = await stage.place()
    await places.accepted(order)
    await order.until(OrderStatus.INSTALLATION_ACCEPTED)
    storing = stage.contexts.faults.hold(PROJECT_ORDER.name, order_id=order.order_id, tries=1)
    await order.cancel()
    await storing.until_reached()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED
    storing.open()
    return [event.event_type for event in (await order.handle.fetch_history()).events]
