"""An order outlives its worker: the next worker has its history, and makes the same decisions (rule 12)."""

import pytest

from domain.installation import ACCEPT_INSTALLATION, CANCEL_INSTALLATION, COMPLETE_INSTALLATION, REQUEST_INSTALLATION
from domain.management_center.assignments import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.stage import Stage


async def test_an_order_that_changes_hands_at_every_wait_ends_the_same(stage: Stage) -> None:
    order = await stage.place()

    async def change_hands() -> None:
        await order.until_quiet()
        await stage.stop_orders()
        await stage.start_orders()

    await places.requested(order)
    await change_hands()
    await order.decline()
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    await change_hands()
    await order.accept("e2")
    await change_hands()
    await order.assign("e3")
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e3")
    await change_hands()
    await order.accept("e3")
    await change_hands()
    await order.complete("e3")
    await change_hands()

    assert [entry.event for entry in (await order.result()).history] == [
        *("JoinOrdered", "OrderAccepted", "InstallationRequested", "InstallationDeclined"),
        *("OrderAccepted", "InstallationRequested", "InstallationAccepted"),
        *("EngineerReassigned", "InstallationRequested", "InstallationAccepted"),
        *("InstallationCompleted", "JoinCompleted"),
    ]


UNDER_WAY = {
    ASSIGN_ENGINEER.name: (places.at_once, None, OrderStatus.INSTALLATION_REQUESTED),
    REQUEST_INSTALLATION.name: (places.at_once, None, OrderStatus.INSTALLATION_REQUESTED),
    ACCEPT_INSTALLATION.name: (places.requested, places.accept, OrderStatus.INSTALLATION_ACCEPTED),
    COMPLETE_INSTALLATION.name: (places.accepted, places.complete, OrderStatus.JOIN_COMPLETED),
    CANCEL_INSTALLATION.name: (places.accepted, places.cancel, OrderStatus.ORDER_CANCELED),
    CLOSE_ASSIGNMENT.name: (places.accepted, places.complete, OrderStatus.JOIN_COMPLETED),
}


@pytest.mark.parametrize("command", UNDER_WAY)
async def test_what_is_under_way_when_the_worker_goes_is_finished_by_the_next(stage: Stage, command: str) -> None:
    arrive, say, ends = UNDER_WAY[command]
    gate = stage.contexts.faults.hold(command, tries=1)
    order = await stage.place()
    await arrive(order)
    said = await order.put(say(order)) if say else None
    await gate.until_reached()
    await order.until_quiet(but=[command])

    await stage.stop_orders()
    gate.open()
    await stage.contexts.finished(order.order_id)
    await stage.start_orders()

    await order.until(ends)
    if said:
        await said
    assert stage.contexts.called(order.order_id).count(command) == 1


async def test_orders_that_are_placed_while_no_worker_lives_are_taken_up_by_the_next(stage: Stage) -> None:
    """Rule 2: accepting an order is one durable write, which needs no worker."""
    await stage.stop_orders()
    orders = [await stage.place() for _ in range(3)]
    await stage.start_orders()

    for order in orders:
        await places.requested(order)
