"""Held orders: they are listed, tried again, and the event that a person has named is given up, and no other."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from domain.common import contexts
from domain.common.errors import MalformedCursor, NotFound
from domain.event_delivery.subscriptions import AnotherEventHeld, HeldOrder
from stores.common.database import Database
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_HELD
from tests.stores.conftest import Connect
from tests.stores.subscribing import NOON, Clock, held, made


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


async def test_an_order_that_is_held_is_tried_again_or_one_event_is_given_up(
    subscriptions: SubscriptionStore, database: Database, clock: Clock
) -> None:
    run = (await made(subscriptions, start=108, types=["orders.JoinOrdered"])).run
    held_orders = HeldOrderStore(database, now=clock)
    await held(database, "order-0", 102)

    async def head() -> tuple[int, Any, int] | None:
        async with database.reading() as connection:
            row = (await connection.execute(select(EVENT_HELD))).one_or_none()
        return None if row is None else (row.sequence, row.retry_at, row.attempts)

    await held_orders.retry("a", "order-0")
    assert await head() == (102, NOON, 3)
    await held_orders.skip("a", "order-0")
    assert await head() == (105, NOON, 0)
    await held_orders.skip("a", "order-0")
    assert await head() is None  # 108 is of another type
    assert (await subscriptions.get("a")).subscription.run == run + 3
    for act in (held_orders.retry, held_orders.skip):
        for id_ in ("a", "b"):
            with pytest.raises(NotFound):
                await act(id_, "order-0")


async def test_only_the_event_that_is_named_is_given_up(
    subscriptions: SubscriptionStore, database: Database, connect: Connect, clock: Clock
) -> None:
    await made(subscriptions, start=108)
    await held(database, "order-0", 102)
    await held(database, "order-1", 103)
    held_orders = [HeldOrderStore(each, now=clock) for each in (database, connect())]

    # Whoever sends the same twice, even at once, gives one event up.
    ends = await asyncio.gather(
        *(each.skip("a", "order-0", "event-102") for each in held_orders), return_exceptions=True
    )

    assert [type(end) for end in ends if isinstance(end, Exception)] == [AnotherEventHeld]
    run = (await subscriptions.get("a")).subscription.run
    with pytest.raises(AnotherEventHeld):
        await held_orders[0].skip("a", "order-0", "event-102")
    async with database.reading() as connection:
        rows = await connection.execute(select(EVENT_HELD.c.event_id).order_by(EVENT_HELD.c.subject))
        assert [*rows.scalars()] == ["event-105", "event-103"]
    assert (await subscriptions.get("a")).subscription.run == run
    await held_orders[0].skip("a", "order-1", "event-103")


async def test_held_orders_are_listed_the_longest_held_first(
    subscriptions: SubscriptionStore, database: Database, clock: Clock
) -> None:
    held_orders = HeldOrderStore(database, now=clock)
    for id_ in ("a", "b"):
        await made(subscriptions, id_, start=108)
    # The event 99 is not kept any more. Two orders are held since the same moment.
    for subject, sequence, minute in (("o3", 99, 2), ("o1", 102, 3), ("o2", 108, 3), ("o4", 103, 1), ("o5", 104, 9)):
        values = {"subject": subject, "sequence": sequence, "event_id": f"e-{subject}", "attempts": minute}
        moments = {"since": NOON + timedelta(minutes=minute), "retry_at": None if subject == "o4" else NOON}
        row = {"subscription_id": "b" if subject == "o5" else "a", "last_status": 400 + minute, **values, **moments}
        async with database.writing() as connection:
            await connection.execute(insert(EVENT_HELD), row)

    listed, cursor = [], None
    while True:
        page = await held_orders.list("a", limit=2, cursor=cursor)
        assert len(page.items) == 2
        listed += page.items
        if (cursor := page.next_cursor) is None:
            break

    assert [order.order_id for order in listed] == ["o4", "o3", "o1", "o2"]
    since = NOON + timedelta(minutes=1)
    assert listed[0] == HeldOrder("o4", "e-o4", since, 1, None, 103, 401, "orders.JoinOrdered")
    assert [order.type for order in listed[1:]] == [None, "orders.JoinOrdered", "orders.JoinCompleted"]
    assert [order.order_id for order in (await held_orders.list("b")).items] == ["o5"]
    with pytest.raises(NotFound):
        await held_orders.list("c")
    with pytest.raises(MalformedCursor):
        await held_orders.list("a", cursor="nonsense")
