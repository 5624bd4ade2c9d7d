"""The rows that the reconciliation reads and deletes."""

from datetime import timedelta

import pytest
from sqlalchemy.schema import DropTable

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.orders import OrderStatus
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.tables import ORDER_STATUS
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import NOON, changes, listed, order


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


async def test_those_of_some_orders_that_are_in_the_view_are_known(database: Database) -> None:
    view, store = OrderStatusStore(database, now=lambda: NOON), ReconciliationStore(database)
    await view.put([order("o1", 3), order("o2")])

    known = await store.known(["o1", "o3"])

    assert {order_id: (row.order.version, row.updated_at) for order_id, row in known.items()} == {"o1": (3, NOON)}
    assert await store.known([]) == {}


async def test_orders_that_ended_too_long_ago_are_forgotten_with_what_the_stream_keeps_of_them(
    database: Database,
) -> None:
    at = NOON
    view, store = OrderStatusStore(database, now=lambda: at), ReconciliationStore(database)
    completed, canceled = OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED
    await view.put([order("old", status=completed), order("gone", status=canceled), order("open"), order("moved")])
    await view.put([order("set-back", status=completed)])
    at = NOON + timedelta(hours=1)
    await view.put([order("set-back", 1), order("moved", 1, status=completed)])
    await view.put([order("young", status=canceled)])

    expired = await store.expired(at)
    assert sorted(expired) == ["gone", "old"]
    assert await store.forget(expired, at) == 2
    assert (await store.expired(at), await store.forget(expired, at)) == ([], 0)
    assert [await store.forget_changes(at) for _ in range(2)] == [5, 0]

    assert sorted(await listed(view)) == ["moved", "open", "set-back", "young"]
    assert sorted(change.view.order.order_id for change in await changes(view)) == ["moved", "set-back", "young"]


async def test_many_are_forgotten_in_several_goes(database: Database) -> None:
    view, store = OrderStatusStore(database, now=lambda: NOON), ReconciliationStore(database)
    await view.put([order(f"o{number:04}", status=OrderStatus.JOIN_COMPLETED) for number in range(501)])

    later = NOON + timedelta(seconds=1)
    gone = [await store.forget(await store.expired(later), later) for _ in range(3)]

    assert gone == [500, 1, 0]
    assert [await store.forget_changes(later) for _ in range(3)] == [500, 1, 0]
    assert await listed(view) == []


async def test_an_order_that_was_set_back_since_it_was_found_is_not_forgotten(database: Database) -> None:
    at = NOON
    view, store = OrderStatusStore(database, now=lambda: at), ReconciliationStore(database)
    await view.put([order("o1", status=OrderStatus.JOIN_COMPLETED)])
    later = NOON + timedelta(seconds=1)
    expired = await store.expired(later)
    at = later
    await view.put([order("o1", 1)])

    assert await store.forget(expired, later) == 0
    assert await listed(view) == ["o1"]


async def test_a_view_that_has_lost_a_table_is_unavailable_and_is_made_anew(database: Database, url: str) -> None:
    view = OrderStatusStore(database)
    await view.put([order("o1")])
    async with database.writing() as connection:
        await connection.execute(DropTable(ORDER_STATUS))
    for using in (view.get("o1"), view.put([order("o1")])):
        with pytest.raises(StoreUnavailable):
            await using

    await drop(contexts.ORDER_STATUS, url)
    await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)

    assert await listed(view) == []
    await view.put([order("o1")])
    assert await listed(view) == ["o1"]
