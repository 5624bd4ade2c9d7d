"""Products keep their names, on every database, and only a change of skills concerns waiting orders."""

from typing import Any

import pytest
from sqlalchemy import select

from domain.common import contexts
from domain.common.errors import NotFound
from domain.management_center.assignments import AssignmentRefusal
from domain.management_center.staff import Product
from stores.management_center.tables import WAITING
from tests.stores.center import Center


@pytest.fixture
def context() -> str:
    return contexts.MANAGEMENT_CENTER


async def test_a_product_is_read_as_it_was_stored_and_changed(center: Center) -> None:
    store = center.store
    made = await store.create_product("p1", ["tv", "fibre"], name="IPTV 😀", local_name="IPTV", orderable=False)
    assert made == await store.product("p1") == Product("p1", ["fibre", "tv"], "IPTV 😀", "IPTV", orderable=False)
    assert await store.create_product("p0") == Product("p0", [], None, None, orderable=True)

    assert await store.change_product("p1", local_name=None, orderable=True) == Product(
        "p1", ["fibre", "tv"], "IPTV 😀"
    )
    assert await store.change_product("p1") == await store.product("p1")
    assert await store.change_product("p1", name="TV", skills=[]) == Product("p1", [], "TV")
    with pytest.raises(NotFound):
        await store.change_product("p2", name="TV")


async def test_of_the_products_those_that_can_be_ordered_are_found(center: Center) -> None:
    for number in range(5):
        await center.store.create_product(f"p{number}", orderable=number % 2 == 0)
    first = await center.store.products(orderable_only=True, limit=2)
    rest = await center.store.products(orderable_only=True, limit=2, cursor=first.next_cursor)
    assert [product.product_id for product in (*first.items, *rest.items)] == ["p0", "p2", "p4"]
    assert rest.next_cursor is None
    assert len((await center.store.products()).items) == 5
    assert (await center.store.product("p0", orderable_only=True)).orderable
    with pytest.raises(NotFound):
        await center.store.product("p1", orderable_only=True)


@pytest.mark.parametrize(
    ("change", "ready"),
    [({"name": "TV", "orderable": False}, False), ({"skills": ["tv"]}, True), ({"skills": [], "name": "TV"}, True)],
)
async def test_only_other_skills_have_waiting_orders_tried_again(
    center: Center, change: dict[str, Any], ready: bool
) -> None:
    async def is_ready() -> bool:
        async with center.database.reading() as connection:
            return await connection.scalar(select(WAITING.c.due_at)) == center.now

    await center.store.create_product("2001", ["fibre"])
    assert await center.place("o1") is AssignmentRefusal.NO_ENGINEER
    await center.store.create_product("2002", name="another")
    assert not await is_ready()

    await center.store.change_product("2001", **change)

    assert await is_ready() is ready
