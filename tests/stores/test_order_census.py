from datetime import UTC, datetime, timedelta

import pytest

from domain.common import contexts
from domain.orders import Attention, AttentionReason, Event, HistoryEntry, OrderStatus
from stores.common.database import Database
from stores.order_status.census import Census, OrderCensus
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import NOON, order


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


def changed(seconds_after_noon: int) -> int:
    """Return the version of an order that changed at a time."""
    return int((NOON + timedelta(seconds=seconds_after_noon)).timestamp() * 1000)


def at_version(version: int) -> datetime:
    return datetime.fromtimestamp(version / 1000, UTC)


async def test_without_orders_every_status_counts_none(database: Database) -> None:
    assert await OrderCensus(database).take() == Census(by_status=dict.fromkeys(OrderStatus, 0))


async def test_orders_are_counted_with_who_has_stood_longest(store: OrderStatusStore, database: Database) -> None:
    no_engineer, no_capacity = AttentionReason.NO_ENGINEER, AttentionReason.NO_CAPACITY
    await store.put(
        [
            order("taken"),
            order("projected", changed(-60)),
            order("done", changed(-900), status=OrderStatus.JOIN_COMPLETED),
            order("older", changed(5), status=OrderStatus.AWAITING_ENGINEER, attention=Attention(no_engineer, NOON)),
            order("newer", changed(9), status=OrderStatus.AWAITING_ENGINEER, attention=Attention(no_capacity, NOON)),
            order(
                "noted",
                changed(7),
                status=OrderStatus.AWAITING_ENGINEER,
                attention=Attention(no_engineer, NOON - timedelta(days=1), None, "manager:1", NOON),
            ),
        ]
    )

    census = await OrderCensus(database).take()

    assert {status: orders for status, orders in census.by_status.items() if orders} == {
        OrderStatus.JOIN_ORDERED: 2,
        OrderStatus.JOIN_COMPLETED: 1,
        OrderStatus.AWAITING_ENGINEER: 3,
    }
    assert census.unchanged_since == {
        OrderStatus.JOIN_ORDERED: at_version(changed(-60)),
        OrderStatus.AWAITING_ENGINEER: at_version(changed(5)),
    }
    assert census.unprojected_since == NOON
    assert census.attention == {no_engineer: 2, no_capacity: 1}
    assert census.unacknowledged_since == {no_engineer: NOON, no_capacity: NOON}


async def test_whoever_stores_an_order_is_told_each_event_once(store: OrderStatusStore) -> None:
    taken = HistoryEntry(Event.JOIN_ORDERED, NOON)
    canceled = HistoryEntry(Event.CANCEL_ORDERED, NOON)

    assert await store.put([order("o1", 0, history=[taken])]) == [[taken]]
    assert await store.put([order("o1", 2, history=[taken, canceled]), order("o2", history=[taken])]) == [
        [canceled],
        [taken],
    ]
    assert await store.put([order("o1", 2, history=[taken, canceled])]) == [[]]


async def test_of_versions_that_are_stored_together_the_newest_has_the_events(store: OrderStatusStore) -> None:
    taken, canceled = HistoryEntry(Event.JOIN_ORDERED, NOON), HistoryEntry(Event.CANCEL_ORDERED, NOON)
    older, newer = order("o1", 1, history=[taken]), order("o1", 2, history=[taken, canceled])

    assert await store.put([older, newer, order("o1", 2, history=[taken, canceled])]) == [[], [taken, canceled], []]
    assert await store.put([newer, older]) == [[], []]
