"""The completion is the point of no return: it wins from the moment that its handler runs (rule 7)."""

from itertools import product

import pytest

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    COMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
)
from domain.management_center.assignments import CLOSE_ASSIGNMENT
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together

REFUSED = "OrderCancelRejected"


def rejections(order: Order) -> list[tuple[str, str | None]]:
    """Return the rejected cancels in the history: by whom, and for what reason."""
    return [(entry.by, entry.detail) for entry in order.history if entry.event == Event.ORDER_CANCEL_REJECTED]


async def refused(order: Placed, way: Way) -> None:
    """Send a cancel that comes too late. Only the update is refused."""
    assert await refusal(order.cancel(way)) == (REFUSED if way is Way.UPDATE else None)


@pytest.mark.parametrize("done", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("held", [COMPLETE_INSTALLATION.name, CLOSE_ASSIGNMENT.name])
async def test_a_cancel_after_the_completion_is_refused_and_recorded_once(stage: Stage, held: str, done: bool) -> None:
    async def case(way: Way) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(held, done=done, order_id=order.order_id, tries=1)
        completing = await order.put(order.complete())
        await gate.until_reached()

        await refused(order, way)
        await refused(order, way)
        assert (await order.order()).status in (OrderStatus.INSTALLATION_ACCEPTED, OrderStatus.JOIN_COMPLETED)
        gate.open()

        await completing
        ended = await order.result()
        assert ended.status is OrderStatus.JOIN_COMPLETED
        assert rejections(ended) == [("system" if way is Way.NATIVE else "customer:1", "moved away")]
        assert CANCEL_INSTALLATION.name not in stage.contexts.called(order.order_id)

    await together({way: case(way) for way in Way})


async def test_cancels_by_every_way_after_the_completion_are_one_refusal(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(COMPLETE_INSTALLATION.name, tries=1)
    await order.put(order.complete())
    await gate.until_reached()

    await together({f"{way} {n}": refused(order, way) for way, n in product(Way, range(2))})
    gate.open()

    ended = await order.result()
    assert ended.status is OrderStatus.JOIN_COMPLETED
    assert len(rejections(ended)) == 1


async def test_a_refused_cancel_is_shown_while_the_read_model_still_takes_it(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    gate = stage.contexts.faults.hold(CLOSE_ASSIGNMENT.name, tries=1)
    await order.complete()
    await gate.until_reached()

    await refused(order, Way.UPDATE)

    await stage.contexts.until(lambda: len(rejections(order.row)) == 1)
    gate.open()
    await order.result()


async def test_a_completion_during_a_cancel_is_refused(stage: Stage) -> None:
    async def case(way: Way, *, done: bool) -> None:
        order = await stage.place()
        await places.accepted(order)
        gate = stage.contexts.faults.hold(CANCEL_INSTALLATION.name, done=done, order_id=order.order_id, tries=1)
        await order.put(order.cancel(way))
        await gate.until_reached()

        assert await refusal(order.complete()) == "IllegalTransition"
        gate.open()

        ended = await order.result()
        assert ended.status is OrderStatus.ORDER_CANCELED
        assert stage.contexts.newest(order.order_id) is InstallationStatus.CANCELED
        assert COMPLETE_INSTALLATION.name not in stage.contexts.called(order.order_id)

    await together({f"{way}, done: {done}": case(way, done=done) for way, done in product(Way, (False, True))})


@pytest.mark.parametrize("held", [REQUEST_INSTALLATION.name, ACCEPT_INSTALLATION.name])
async def test_a_completion_before_the_order_has_noted_the_acceptance_counts(stage: Stage, held: str) -> None:
    """The engineer's acceptance is in the store, but has not reached the order yet."""

    async def case(way: Way) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(held, done=True, order_id=order_id, tries=1)
        order = await stage.place(order_id=order_id)
        if held == ACCEPT_INSTALLATION.name:
            await places.requested(order)
        else:
            await gate.until_reached()
        accepting = await order.put(order.accept())
        await gate.until_reached()
        completing = await order.put(order.complete())
        await refused(order, way)
        gate.open()

        await accepting
        await completing
        ended = await order.result()
        assert ended.status is OrderStatus.JOIN_COMPLETED
        assert len(rejections(ended)) == 1

    await together({way: case(way) for way in Way})


async def test_the_last_state_is_shown_whatever_was_being_stored(stage: Stage) -> None:
    order = await stage.place()
    await places.accepted(order)
    # Every try, because the end of the order breaks off a sending that is under way and begins the last one.
    gate = stage.contexts.faults.hold(PROJECT_ORDER.name)
    await order.complete()
    await gate.until_reached()

    await refused(order, Way.UPDATE)
    gate.open()

    assert (await order.result()).history == order.row.history
    assert len(rejections(order.row)) == 1
