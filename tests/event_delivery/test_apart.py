"""A consumer that does not answer delays no other consumer of the same process."""

import asyncio
from contextlib import suppress

from domain.event_delivery.delivery import Delivered
from domain.event_delivery.subscriptions import Edge
from harness.waiting import PATIENCE, soon
from tests.event_delivery.consumer import silent
from tests.event_delivery.delivering import Delivering, recipient, running

MOST_AT_ONCE = 16


async def test_events_arrive_while_another_consumer_holds_all_of_its_requests_open(delivering: Delivering) -> None:
    orders = [f"order{number}" for number in range(2 * MOST_AT_ONCE)]
    async with recipient(lambda _: silent) as stuck, recipient() as seen:
        await delivering.subscribe(stuck.port, at_once=MOST_AT_ONCE)
        await delivering.subscribe(seen.port, at_once=1, start=Edge.END, subscription_id="b")
        delivering.expect_answers(within=PATIENCE)
        process = delivering.activities()
        await delivering.tell(*orders)
        others = asyncio.ensure_future(running(process))

        async def all_are_open() -> bool:
            return stuck.requests_under_way == MOST_AT_ONCE

        await soon(all_are_open)
        assert await running(process, subscription_id="b") == Delivered()
        assert seen.accepted == delivering.told
        later = await delivering.tell("order0", "order1")
        assert await running(process, subscription_id="b") == Delivered()

        assert seen.accepted == delivering.told
        assert seen.accepted[-2:] == later
        assert (stuck.requests_under_way, len(stuck.sent), others.done()) == (MOST_AT_ONCE, MOST_AT_ONCE, False)
        others.cancel()
        with suppress(asyncio.CancelledError):
            await others
