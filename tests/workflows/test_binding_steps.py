"""The steps of docs/privacy.md, from a release whose payloads are not bound until they have to be, with orders open."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from temporalio.client import Client

from domain.common.commands import Command
from domain.installation import CANCEL_INSTALLATION, REQUEST_INSTALLATION
from domain.management_center.assignments import ASSIGN_ENGINEER
from domain.orders import OrderStatus
from runtime.key_files import new_key
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import FORMAT
from tests.encryption import bound_client
from tests.workflows import places
from tests.workflows.placed import Placed, Way
from tests.workflows.stage import QUICK, Stage

ACCEPT, WRITE, REQUIRE = PayloadBinding
OLD, NEW = f"old:{new_key()}", f"new:{new_key()}"
HELD: Mapping[OrderStatus, Command[Any, Any]] = {
    OrderStatus.JOIN_ORDERED: ASSIGN_ENGINEER,
    OrderStatus.ENGINEER_ASSIGNED: REQUEST_INSTALLATION,
    OrderStatus.CANCEL_ORDERED: CANCEL_INSTALLATION,
}
"""Statuses that an order passes quickly, unless the command is held that leads out of them."""
REACHED: dict[OrderStatus, Callable[[Placed], Awaitable[object]]] = {
    OrderStatus.JOIN_ORDERED: places.at_once,
    OrderStatus.AWAITING_ENGINEER: places.turned_down,
    OrderStatus.ENGINEER_ASSIGNED: places.at_once,
    OrderStatus.INSTALLATION_REQUESTED: places.requested,
    OrderStatus.INSTALLATION_ACCEPTED: places.accepted,
    OrderStatus.AWAITING_RESCHEDULE: places.failed,
    OrderStatus.CANCEL_ORDERED: places.requested,
}
CANCELED = (OrderStatus.AWAITING_ENGINEER, OrderStatus.AWAITING_RESCHEDULE, OrderStatus.CANCEL_ORDERED)
"""Statuses whose orders are canceled in the end. Orders of the others are completed."""
ONE_ROUND = replace(QUICK, rounds=1)


async def left_open(stage: Stage) -> dict[OrderStatus, str]:
    """Place an order in every open status. The next workers find held commands under way."""
    left = {}
    for status, reach in REACHED.items():
        order_id = left[status] = stage.new_id()
        policy = ONE_ROUND if status is OrderStatus.AWAITING_ENGINEER else QUICK
        if status in HELD:
            stage.contexts.faults.hold(HELD[status].name, order_id=order_id, tries=1)
        order = await stage.place(policy, order_id=order_id)
        await reach(order)
        if status is OrderStatus.CANCEL_ORDERED:
            await order.cancel(Way.SIGNAL)
        await order.until_told(status)
    return left


async def go_on(stage: Stage, left: dict[OrderStatus, str]) -> None:
    """Bring each order to its end, with the present workers and a present client."""
    for status, order_id in left.items():
        order = Placed(stage.client, order_id, stage.contexts)
        if status in (OrderStatus.AWAITING_ENGINEER, OrderStatus.AWAITING_RESCHEDULE):
            await order.cancel()
        elif status is not OrderStatus.CANCEL_ORDERED:
            if status is not OrderStatus.INSTALLATION_ACCEPTED:
                await order.until(OrderStatus.INSTALLATION_REQUESTED)
                await order.accept()
            await order.complete()
        ends = OrderStatus.ORDER_CANCELED if status in CANCELED else OrderStatus.JOIN_COMPLETED
        assert (await order.result()).status is ends, status


async def is_bound(stage: Stage, order_id: str) -> bool:
    """Return whether the order's input is bound."""
    async for event in Placed(stage.client, order_id, stage.contexts).handle.fetch_history_events():
        return FORMAT in event.workflow_execution_started_event_attributes.input.payloads[0].metadata
    raise AssertionError("there is no history")


async def test_every_order_goes_on_at_every_step_while_a_key_is_replaced(temporal_address: str) -> None:
    async def client(binding: PayloadBinding, *keys: str) -> Client:
        return await bound_client(temporal_address, binding, ",".join(keys))

    async with Stage(await client(ACCEPT, OLD)) as stage:
        before, slow = await left_open(stage), await left_open(stage)

        await stage.hand_over(await client(WRITE, OLD, NEW))
        await go_on(stage, before)
        await stage.hand_over(await client(WRITE, NEW, OLD))
        since = await left_open(stage)

        await stage.hand_over(await client(REQUIRE, NEW, OLD))
        await go_on(stage, since)
        await go_on(stage, slow)
        newest = await left_open(stage)

        await stage.hand_over(await client(REQUIRE, NEW))
        await go_on(stage, newest)
        await stage.hand_over(await client(WRITE, NEW, OLD))
        stage.placed = [Placed(stage.client, placed.order_id, stage.contexts) for placed in stage.placed]
        cohorts = (before, slow, since, newest)
        assert [{await is_bound(stage, order_id) for order_id in each.values()} for each in cohorts] == [
            *({False}, {False}),
            *({True}, {True}),
        ]
