"""An operator resets an order to an earlier point. It catches up with the state of the other contexts (rule 5)."""

import pytest
from temporalio import workflow

from domain.installation import (
    ACCEPT_INSTALLATION,
    COMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
)
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.reset import reset
from tests.workflows.stage import Stage
from tests.workflows.waiting import together


async def completed(order: Placed, engineer_id: str) -> Order:
    await order.accept(engineer_id)
    await order.complete(engineer_id)
    return await order.result()


async def test_an_order_that_starts_over_overtakes_itself_and_catches_up_with_the_rounds(stage: Stage) -> None:
    order = await stage.place()
    await places.requested_of_the_next(order)
    before = order.row

    await reset(stage, order, task=0)

    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e1")
    assert row.version > before.version
    assert stage.contexts.rounds[order.order_id] == 3
    assert (await completed(order, "e1")).version > before.version
    assert stage.contexts.installations[order.order_id] == {
        1: InstallationStatus.DECLINED,
        2: InstallationStatus.CANCELED,
        3: InstallationStatus.COMPLETED,
    }


async def test_what_was_said_after_the_point_is_said_again(stage: Stage) -> None:
    order = await stage.place()
    await places.requested_of_the_next(order)
    before = order.row

    await reset(stage, order, task=2)

    await stage.contexts.until(lambda: order.row.version > before.version and order.row.engineer_id == "e2")
    assert [entry.event for entry in order.row.history] == [entry.event for entry in before.history]
    assert (await completed(order, "e2")).engineer_id == "e2"


async def test_the_next_change_of_an_order_that_was_set_back_is_shown(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    before = await order.until(OrderStatus.INSTALLATION_ACCEPTED)

    await reset(stage, order, after=PROJECT_ORDER.name, forget=True)
    await order.assign("e2")

    row = await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert row.version > before.version
    assert (await completed(order, "e2")).status is OrderStatus.JOIN_COMPLETED


@pytest.mark.parametrize("task", [0, 2, 3, 5])
async def test_an_order_that_has_ended_and_is_set_back_ends_the_same_again(stage: Stage, task: int) -> None:
    """The messages are applied again. Those that come too early are sent once more, after a new request."""

    async def completes() -> None:
        order = await stage.place()
        await places.requested(order)
        before = await completed(order, "e1")

        await reset(stage, order, task=task)

        if task == 0:
            # The management center has closed the assignment: nobody is asked again.
            await order.until_attention("ORDER_CLOSED_ELSEWHERE")
            assert await refusal(order.assign("e2")) == "IllegalTransition"
            return
        ended = await order.result()
        assert ended.status is OrderStatus.JOIN_COMPLETED
        assert ended.version > before.version

    async def cancels() -> None:
        order = await stage.place()
        await places.requested(order)
        await order.cancel()
        before = await order.result()

        await reset(stage, order, task=task)

        ended = await order.result()
        assert ended.status is OrderStatus.ORDER_CANCELED
        assert ended.version >= before.version

    await together({"completed": completes(), "canceled": cancels()})


async def test_a_canceled_order_that_is_set_back_asks_no_engineer_again(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)
    await order.cancel()
    await order.result()
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, tries=1)

    await reset(stage, order, task=1, forget=True)
    await gate.until_reached()
    accepting = await order.put(refusal(order.accept()))
    gate.open()

    row = await order.until_attention("ORDER_CLOSED_ELSEWHERE")
    assert (row.status, row.engineer_id) == (OrderStatus.AWAITING_ENGINEER, None)
    assert await accepting == "IllegalTransition"
    assert await refusal(order.assign("e1")) == "IllegalTransition"
    await order.cancel()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


@pytest.mark.parametrize(
    ("noted", "arrive", "say"),
    [
        (REQUEST_INSTALLATION.name, places.requested, Placed.accept),
        (ACCEPT_INSTALLATION.name, places.accepted, Placed.complete),
    ],
)
async def test_what_an_engineer_says_to_a_canceled_order_that_was_set_back_is_refused(
    stage: Stage, noted: str, arrive: places.Arrive, say: places.Say
) -> None:
    order = await stage.place()
    await arrive(order)
    await order.cancel()
    await order.result()

    await reset(stage, order, after=noted, forget=True)

    assert await refusal(say(order)) == "IllegalTransition"
    row = await order.until_attention("ORDER_CLOSED_ELSEWHERE")
    assert (row.status, row.engineer_id) == (OrderStatus.AWAITING_ENGINEER, None)
    await order.cancel()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED
    assert InstallationStatus.COMPLETED not in stage.contexts.installations[order.order_id].values()


async def test_what_is_said_before_a_canceled_order_that_was_set_back_knows_of_it_is_refused_whole(
    stage: Stage,
) -> None:
    """A completion without effect does not prevent a cancel."""
    order = await stage.place()
    await places.requested(order)
    await order.cancel()
    await order.result()
    gate = stage.contexts.faults.hold(REQUEST_INSTALLATION.name, tries=1)
    await reset(stage, order, task=1, forget=True)
    await gate.until_reached()

    said = [await order.put(refusal(say(order))) for say in (places.accept, places.start, places.complete)]
    gate.open()

    assert [await answer for answer in said] == ["IllegalTransition"] * 3
    await order.until_attention("ORDER_CLOSED_ELSEWHERE")
    await order.cancel()
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def test_a_completion_that_has_been_refused_and_is_sent_again_keeps_nobody_from_canceling(stage: Stage) -> None:
    """The same holds if it has another id, so that it is a different update for the server."""

    async def case(way: Way) -> None:
        order = await stage.place()
        await places.accepted(order)
        await order.cancel()
        await order.result()
        await reset(stage, order, after=ACCEPT_INSTALLATION.name, forget=True)
        assert await refusal(order.complete()) == "IllegalTransition"
        await order.until_attention("ORDER_CLOSED_ELSEWHERE")

        assert await refusal(order.complete()) == "IllegalTransition"

        await order.cancel(way)
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    await together({way: case(way) for way in Way})


async def test_a_cancel_that_was_refused_is_taken_once_the_completion_has_come_to_nothing(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    await order.cancel()
    await order.result()
    await reset(stage, order, after=ACCEPT_INSTALLATION.name, forget=True)
    gate = stage.contexts.faults.hold(COMPLETE_INSTALLATION.name, tries=1)
    completing = await order.put(refusal(order.complete()))
    await gate.until_reached()
    assert await refusal(order.cancel()) == "OrderCancelRejected"
    gate.open()
    assert await completing == "IllegalTransition"
    await order.until_attention("ORDER_CLOSED_ELSEWHERE")
    assert await refusal(order.complete()) == "IllegalTransition"

    told = await order.cancel()

    assert told is not None
    assert told.status is OrderStatus.ORDER_CANCELED


async def test_an_order_that_the_release_before_has_stopped_so_is_canceled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def case(way: Way) -> None:
        order = await stage.place()
        await places.accepted(order)
        await order.cancel()
        await order.result()
        await reset(stage, order, after=ACCEPT_INSTALLATION.name, forget=True)
        assert await refusal(order.complete()) == "IllegalTransition"
        await order.until_attention("ORDER_CLOSED_ELSEWHERE")
        # As that release did: the completion is the point of no return.
        with monkeypatch.context() as before:
            before.setattr(workflow, "patched", lambda _: False)
            assert await refusal(order.complete()) == "IllegalTransition"

        await order.cancel(way)
        assert (await order.result()).status is OrderStatus.ORDER_CANCELED

    for way in Way:
        await case(way)
