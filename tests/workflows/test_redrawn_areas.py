"""The service areas are redrawn while an order waits. The managers of its new region see it."""

from temporalio.api.enums.v1 import EventType

from domain.orders import Event, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage
from workflows.orders.visibility import REGION


async def markers(order: Placed) -> int:
    history = await order.handle.fetch_history()
    return sum(event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED for event in history.events)


async def test_an_order_that_is_refused_again_in_another_region_is_shown_there(stage: Stage) -> None:
    stage.contexts.engineers = []
    order = await stage.place()
    await places.awaiting_engineer(order)
    before = order.row
    stage.contexts.redrawn[order.order_id] = "KR-26"

    await order.reconsider()
    await order.until_quiet()

    assert (order.row.region, order.row.status) == ("KR-26", OrderStatus.AWAITING_ENGINEER)
    assert order.row.version > before.version
    assert order.row.attention == before.attention
    assert [entry.event for entry in order.row.history[len(before.history) :]] == [Event.ENGINEER_AWAITED]
    assert await order.order() == order.row
    assert (await order.handle.describe()).typed_search_attributes[REGION] == "KR-26"
    assert await markers(order) == 1


async def test_an_order_that_is_refused_again_in_the_same_region_has_not_changed(stage: Stage) -> None:
    stage.contexts.engineers = []
    order = await stage.place()
    await places.awaiting_engineer(order)
    before = order.row

    await order.reconsider()
    await order.until_quiet()

    assert await order.order() == order.row == before
    assert await markers(order) == 0
