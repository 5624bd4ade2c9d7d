"""Cancel by each way, at every wait and during everything that is under way (rules 3 to 6)."""

import asyncio
from dataclasses import replace
from itertools import product

import pytest

from domain.installation import (
    ACCEPT_INSTALLATION,
    CANCEL_INSTALLATION,
    DECLINE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
)
from domain.management_center import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.order_status import PROJECT_ORDER
from domain.orders import Event, Order, OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import together

PATIENT = replace(QUICK, try_for=3600)
"""What hangs, hangs until the test lets it go."""


async def cancelled(order: Placed, way: Way) -> Order:
    """Cancel, and read how the order ended."""
    answer = await order.cancel(way)
    ended = await order.result()
    assert ended.status is OrderStatus.ORDER_CANCELED
    assert answer is None or answer.status is OrderStatus.ORDER_CANCELED
    told = [entry for entry in ended.history if entry.event == Event.CANCEL_ORDERED]
    by = "system" if way is Way.NATIVE else "customer:1"
    assert [(entry.by, entry.detail) for entry in told] == [(by, "moved away")]
    return ended


def freed(stage: Stage, order: Placed) -> bool:
    """No engineer has anything to do with it any more."""
    lives = any(status.open for status in stage.contexts.installations[order.order_id].values())
    return not lives and stage.contexts.assignments.get(order.order_id) is None


@pytest.mark.parametrize(
    "arrive", [places.awaiting_engineer, places.requested, places.accepted, places.requested_of_the_next]
)
async def test_a_waiting_order_is_cancelled_with_its_installation(stage: Stage, arrive: places.Arrive) -> None:
    if arrive is places.awaiting_engineer:
        stage.contexts.engineers = []

    async def case(way: Way) -> None:
        order = await stage.place()
        await arrive(order)

        ended = await cancelled(order, way)

        events = [entry.event for entry in ended.history]
        assert events[-3:] == ["CancelOrdered", "InstallationCanceled", "OrderCanceled"]
        assert freed(stage, order)

    await together({way: case(way) for way in Way})


async def test_a_cancel_before_the_first_workflow_task_asks_nobody_for_anything(stage: Stage) -> None:
    await stage.stop_orders()
    orders = {way: await stage.place() for way in Way}
    cancelling = {way: await order.put(order.cancel(way)) for way, order in orders.items()}

    await stage.start_orders()

    for way, order in orders.items():
        ended = await order.result()
        assert [(entry.event, entry.detail) for entry in ended.history] == [
            ("JoinOrdered", None),
            ("CancelOrdered", "moved away"),
            ("InstallationCanceled", None),
            ("OrderCanceled", None),
        ]
        assert (await cancelling[way] or ended).status is OrderStatus.ORDER_CANCELED
        assert stage.contexts.newest(order.order_id) is InstallationStatus.CANCELED
        assert ASSIGN_ENGINEER.name not in stage.contexts.called(order.order_id)


UNDER_WAY = {
    "assign": (ASSIGN_ENGINEER.name, 0, places.at_once),
    "request": (REQUEST_INSTALLATION.name, 0, places.at_once),
    "accept": (ACCEPT_INSTALLATION.name, 0, places.accepting),
    "decline": (DECLINE_INSTALLATION.name, 0, places.declining),
    "assign after decline": (ASSIGN_ENGINEER.name, 1, places.declined),
    "request after decline": (REQUEST_INSTALLATION.name, 1, places.declined),
    "reassign": (ASSIGN_ENGINEER.name, 1, places.reassigning),
    "reassign what is accepted": (ASSIGN_ENGINEER.name, 1, places.reassigning_what_is_accepted),
    "request after reassign": (REQUEST_INSTALLATION.name, 1, places.reassigned),
    "project": (PROJECT_ORDER.name, 0, places.at_once),
    "project the acceptance": (PROJECT_ORDER.name, 1, places.accepted),
}


@pytest.mark.parametrize("command", UNDER_WAY)
async def test_a_cancel_does_not_wait_for_what_is_under_way_and_that_revives_nothing(
    stage: Stage, command: str
) -> None:
    held, skipped, arrive = UNDER_WAY[command]

    async def case(way: Way, *, done: bool) -> None:
        order_id = stage.new_id()
        gate = stage.contexts.faults.hold(held, done=done, order_id=order_id, tries=1, skipped=skipped)
        order = await stage.place(PATIENT, order_id=order_id)
        await arrive(order)
        await gate.until_reached()

        ended = await cancelled(order, way)
        gate.open()
        await stage.contexts.finished(order_id)

        assert order.row == ended
        assert freed(stage, order)

    await together({f"{way}, done: {done}": case(way, done=done) for way, done in product(Way, (False, True))})


@pytest.mark.parametrize("done", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("command", [CANCEL_INSTALLATION.name, CLOSE_ASSIGNMENT.name])
async def test_a_cancel_during_the_compensation_is_the_same_cancel(stage: Stage, command: str, done: bool) -> None:
    async def case(first: Way, second: Way) -> None:
        order = await stage.place()
        await places.requested(order)
        gate = stage.contexts.faults.hold(command, done=done, order_id=order.order_id, tries=1)
        cancelling = await order.put(order.cancel(first))
        await gate.until_reached()

        again = await order.put(order.cancel(second, reason="again"))
        gate.open()

        ended = await order.result()
        for answer in (await cancelling, await again):
            assert answer is None or answer.status is OrderStatus.ORDER_CANCELED
        assert [entry.event for entry in ended.history].count(Event.CANCEL_ORDERED) == 1
        assert "again" not in [entry.detail for entry in ended.history]
        assert stage.contexts.called(order.order_id).count(CANCEL_INSTALLATION.name) == 1

    await together({f"{first}, then {second}": case(first, second) for first, second in product(Way, Way)})


async def test_cancels_by_every_way_at_once_are_one_cancel(stage: Stage) -> None:
    order = await stage.place()
    await places.requested(order)

    answers = await asyncio.gather(*(order.cancel(way) for way in (*Way, *Way)))

    ended = await order.result()
    assert all(answer is None or answer.status is OrderStatus.ORDER_CANCELED for answer in answers)
    assert [entry.event for entry in ended.history].count(Event.CANCEL_ORDERED) == 1
    assert stage.contexts.called(order.order_id).count(CANCEL_INSTALLATION.name) == 1
