"""An order outlives the worker that carries it: whoever takes over knows its history and decides the same (rule 12)."""

import pytest
from temporalio.client import Client

from domain.installation import ACCEPT_INSTALLATION, CANCEL_INSTALLATION, COMPLETE_INSTALLATION, REQUEST_INSTALLATION
from domain.management_center import ASSIGN_ENGINEER, CLOSE_ASSIGNMENT
from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.placed import Placed, Way, refusal
from tests.workflows.stage import Stage
from tests.workflows.waiting import together


async def declined_then_completed(order: Placed) -> None:
    await places.requested_of_the_next(order)
    await order.accept("e2")
    await order.complete("e2")
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def reassigned_then_completed(order: Placed) -> None:
    await places.reassigned(order)
    await order.until_with(OrderStatus.INSTALLATION_REQUESTED, "e2")
    assert await refusal(order.complete("e1")) == "IllegalTransition"
    await order.accept("e2")
    await order.complete("e2")
    assert (await order.result()).engineer_id == "e2"


async def cancelled(order: Placed, way: Way) -> None:
    await places.accepted(order)
    await order.cancel(way)
    assert (await order.result()).status is OrderStatus.ORDER_CANCELED


async def test_an_order_of_which_no_worker_remembers_anything_ends_the_same(client: Client) -> None:
    async with Stage(client, max_cached_workflows=0) as stage:
        await together(
            {
                "declined, completed": declined_then_completed(await stage.place()),
                "reassigned, completed": reassigned_then_completed(await stage.place()),
                **{f"cancelled by {way}": cancelled(await stage.place(), way) for way in Way},
            }
        )


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
