"""Every field of an order is stored and read unchanged, including fields that are added later."""

from dataclasses import fields

import pytest

from domain.common import contexts
from domain.order_status.view import OrderView, Sort
from domain.orders import Order
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.domain.filled import default, filled
from tests.stores.orders import ALL, NOON, changes


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.mark.parametrize("name", [field.name for field in fields(Order)])
def test_no_field_is_as_by_default_or_like_another(name: str) -> None:
    order = filled(Order)
    (field,) = (field for field in fields(Order) if field.name == name)
    assert getattr(order, name) != default(field)
    assert [other for other, value in vars(order).items() if value == getattr(order, name)] == [name]


async def test_every_field_is_read_as_it_was_stored(database: Database) -> None:
    store, order = OrderStatusStore(database, now=lambda: NOON), filled(Order)
    before = filled(Order)
    await store.put([order])

    assert order == before
    assert await store.get(order.order_id) == OrderView(order, NOON)
    assert [change.view for change in await changes(store)] == [OrderView(order, NOON)]
    (listed,) = (await store.list(ALL, Sort.ORDER_DATE, descending=False, limit=1)).items
    assert vars(listed.order) == vars(order) | {"history": []}


async def test_every_field_is_changed(database: Database) -> None:
    store, order = OrderStatusStore(database, now=lambda: NOON), filled(Order)
    await store.put([Order(order_id=order.order_id)])
    await store.put([order])

    assert (await store.get(order.order_id)).order == order
