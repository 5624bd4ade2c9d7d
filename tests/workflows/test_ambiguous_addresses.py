"""An order whose address may be in several regions waits for a person, or for a change of the service areas."""

from domain.orders import Attention, Event, OrderStatus
from tests.workflows.placed import Placed
from tests.workflows.stage import Stage
from workflows.orders.visibility import REGION


async def ambiguous(stage: Stage, *regions: str) -> Placed:
    stage.contexts.region, stage.contexts.in_question = None, list(regions)
    order = await stage.place()
    await order.until_attention("AMBIGUOUS_ADDRESS")
    return order


def detail(attention: Attention | None) -> str | None:
    return attention.detail if attention is not None else None


async def test_an_ambiguous_address_waits_without_a_region_and_says_which_are_in_question(stage: Stage) -> None:
    order = await ambiguous(stage, "KR-11", "KR-26")

    assert (order.row.status, order.row.region) == (OrderStatus.AWAITING_ENGINEER, None)
    assert detail(order.row.attention) == "the address may be in KR-11, KR-26"
    assert [entry.detail for entry in order.row.history if entry.event == Event.ENGINEER_AWAITED] == [
        "AMBIGUOUS_ADDRESS"
    ]
    assert (await order.handle.describe()).typed_search_attributes.get(REGION) is None


async def test_a_managers_assignment_decides(stage: Stage) -> None:
    order = await ambiguous(stage, "KR-11", "KR-26")

    await order.assign("e2")

    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert (row.region, row.attention) == ("KR-11", None)


async def test_after_a_change_of_areas_the_order_goes_on(stage: Stage) -> None:
    order = await ambiguous(stage, "KR-11", "KR-26")
    stage.contexts.region, stage.contexts.in_question = "KR-26", []

    await order.reconsider()

    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
    assert (row.region, row.attention) == ("KR-26", None)


async def test_other_regions_in_question_are_shown_and_the_same_ones_change_nothing(stage: Stage) -> None:
    order = await ambiguous(stage, "KR-11", "KR-26")
    before = order.row

    await order.reconsider()
    await order.until_quiet()
    assert await order.order() == order.row == before

    stage.contexts.in_question = ["KR-26", "KR-27"]
    await order.reconsider()
    await order.until_quiet()
    assert detail(order.row.attention) == "the address may be in KR-26, KR-27"
    assert await order.order() == order.row


async def test_an_address_that_no_area_serves_any_more_is_no_longer_ambiguous(stage: Stage) -> None:
    order = await ambiguous(stage, "KR-11", "KR-26")
    stage.contexts.in_question = []

    await order.reconsider()

    assert (await order.until_attention("NO_SERVICE_AREA")).region is None
