"""The server that skips time is never asked to cancel an activity."""

from temporalio.api.enums.v1 import EventType

from domain.order_status.view import PROJECT_ORDER
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage

_ASKED = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED


async def test_an_order_that_ends_while_it_is_being_stored_asks_the_real_server_alone_to_cancel_that(
    stage: Stage, timeless: Stage
) -> None:
    """Each replays, too."""
    assert _ASKED in await ended_while_being_stored(stage)
    assert _ASKED not in await ended_while_being_stored(timeless)


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
