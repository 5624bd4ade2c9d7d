"""Orders for tests of the read model."""

from datetime import UTC, datetime
from typing import Any

from domain.order_status.view import OrderChange, OrderFilter, OrderView, Sort
from domain.orders import Order
from stores.order_status.view import OrderStatusStore

NOON = datetime(2026, 7, 15, 12, 0, 0, 123456, tzinfo=UTC)
ALL = OrderFilter()


def order(order_id: str = "o1", version: int = 0, **more: Any) -> Order:
    """Return a newly placed order, with the given changes."""
    taken = Order(
        **{
            "order_id": order_id,
            "customer_id": "c1",
            "product_id": "2001",
            "product_name": "internet",
            "installation_address": "서울특별시 강남구 테헤란로 1",
            "order_date": "2026-07-15",
            "version": version,
            **more,
        }
    )
    if not taken.history:
        taken.mark_ordered(at=NOON)
    return taken


async def listed(
    store: OrderStatusStore,
    wanted: OrderFilter = ALL,
    sort: Sort = Sort.ORDER_DATE,
    *,
    descending: bool = False,
    limit: int = 50,
) -> list[str]:
    """Return the order ids of a whole list, read page by page."""
    found: list[OrderView] = []
    cursor = None
    while True:
        page = await store.list(wanted, sort, descending, limit, cursor)
        assert len(page.items) == limit or page.next_cursor is None
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return [view.order.order_id for view in found]


async def changes(store: OrderStatusStore, after: int = 0, wanted: OrderFilter = ALL) -> list[OrderChange]:
    """Return all kept changes after a sequence number."""
    return list(await store.changes_after(after, wanted, 1000))
