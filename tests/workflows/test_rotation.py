"""Keys are replaced while orders are running. No order is lost, even if a worker does not have the new key yet."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from domain.common import contexts
from domain.orders import Order, OrderStatus, Subscription, workflow_id
from runtime.key_files import new_key
from runtime.payload_codec import encrypting
from runtime.payload_keys import PayloadKeys
from tests.workflows import places
from tests.workflows.placed import Placed
from tests.workflows.stage import QUICK, Stage
from tests.workflows.waiting import eventually
from workflows.orders.subscription import SubscriptionWorkflow

SOON = timedelta(seconds=1)
LOST = replace(QUICK, try_for=5)
"""What the stopped worker had in hand is tried again after this time."""
BEFORE, AFTER = "key-before", "key-after"
KEYS = {key_id: f"{key_id}:{new_key()}" for key_id in (BEFORE, AFTER)}


async def client_with(address: str, *key_ids: str) -> Client:
    keys = PayloadKeys.parse(",".join(KEYS[key_id] for key_id in key_ids))
    return await Client.connect(address, data_converter=encrypting(keys, "default"))


async def fulfil(order: Placed) -> None:
    await places.requested(order)
    await order.accept()
    await order.start()
    await order.complete()
    assert (await order.result()).status is OrderStatus.JOIN_COMPLETED


async def keys_used(order: Placed) -> set[str]:
    stored = (await order.handle.fetch_history()).to_json()
    return {key_id for key_id in KEYS if base64.b64encode(key_id.encode()).decode() in stored}


async def test_a_key_is_replaced_in_two_steps_and_every_order_goes_on(temporal_address: str) -> None:
    async with Stage(await client_with(temporal_address, BEFORE)) as stage:
        placed = [await stage.place(LOST) for _ in range(4)]
        await places.requested(placed[0])
        assert await keys_used(placed[0]) == {BEFORE}
        both = await client_with(temporal_address, BEFORE, AFTER)
        orders = stage.placed = [Placed(both, order.order_id, stage.contexts) for order in placed]

        await asyncio.gather(fulfil(orders[0]), stage.hand_over(both))
        renewed = await client_with(temporal_address, AFTER, BEFORE)
        await asyncio.gather(fulfil(orders[1]), fulfil(orders[2]), stage.hand_over(renewed))
        await fulfil(orders[3])

        assert await keys_used(orders[3]) == {BEFORE, AFTER}


async def test_what_a_worker_has_no_key_for_waits_until_it_has(temporal_address: str) -> None:
    async with Stage(await client_with(temporal_address, BEFORE)) as stage:
        renewed, old = await client_with(temporal_address, AFTER, BEFORE), stage.client
        taken = Order(order_id=stage.new_id(), customer_id="1", installation_address="Seoul")
        taken.mark_ordered(at=datetime.now(UTC))
        await renewed.start_workflow(
            SubscriptionWorkflow.run,
            Subscription(taken, QUICK),
            id=workflow_id(taken.order_id),
            task_queue=contexts.ORDERS,
            task_timeout=SOON,
        )
        order = Placed(renewed, taken.order_id, stage.contexts)

        async def failure() -> BaseException | None:
            for event in (await order.handle.fetch_history()).events:
                if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    return await old.data_converter.decode_failure(event.workflow_task_failed_event_attributes.failure)
            return None

        async def has_failed() -> bool:
            return await failure() is not None

        await eventually(has_failed)
        assert f"no payload key '{AFTER}'" in str(await failure())

        await stage.hand_over(renewed)
        await fulfil(order)
