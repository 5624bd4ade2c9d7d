"""Direct access of the bench to the service's read model."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import update

from bench.orders import subscription
from domain.common import contexts
from domain.order_status.view import OrderFilter
from domain.orders import Attention, AttentionReason, Event, Order, OrderStatus
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.tables import STATISTICS_BEGIN
from stores.order_status.view import OrderStatusStore

_AT_ONCE = 500
_DEADLINE = 60.0
"""Seconds. A busy machine may take long for so many rows at once."""


class Requests:
    """Finds the installations that were requested since the last look."""

    def __init__(self, store: OrderStatusStore) -> None:
        self._store = store
        self._seen = 0

    async def look(self) -> Iterable[tuple[str, str]]:
        """Return the order and the engineer of each one."""
        requested = OrderFilter(statuses=(OrderStatus.INSTALLATION_REQUESTED,))
        changes = await self._store.changes_after(self._seen, requested, _AT_ONCE)
        self._seen = max((change.sequence for change in changes), default=self._seen)
        orders = [change.view.order for change in changes]
        return [(order.order_id, order.engineer_id or "") for order in orders]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[OrderStatusStore]:
    """Open the store in the process of the bench."""
    database = Database(settings.database_url(contexts.ORDER_STATUS), deadline_seconds=_DEADLINE)
    try:
        yield OrderStatusStore(database)
    finally:
        await database.dispose()


@asynccontextmanager
async def opened_at(
    settings: Settings, begin: datetime, now: Callable[[], datetime]
) -> AsyncIterator[OrderStatusStore]:
    """Open the store with another clock, and let its statistics have begun at a time."""
    database = Database(settings.database_url(contexts.ORDER_STATUS), deadline_seconds=_DEADLINE)
    try:
        async with database.writing() as connection:
            await connection.execute(update(STATISTICS_BEGIN).values(at=begin))
        yield OrderStatusStore(database, now=now)
    finally:
        await database.dispose()


async def fill(store: OrderStatusStore, count: int, *, waiting_each: int | None = None) -> list[str]:
    """Store a number of accepted orders, and return their ids. One of each so many, if given, waits for a person."""
    orders = [_open_order(number) for number in range(count)]
    for order in orders[::waiting_each] if waiting_each else ():
        wait_for_person(order)
    for first in range(0, count, _AT_ONCE):
        await store.put(orders[first : first + _AT_ONCE])
    return [order.order_id for order in orders]


def wait_for_person(order: Order) -> None:
    """Let an order ask for attention; if it does, let it ask no longer. It has a new version then."""
    now = datetime.now(UTC)
    attention = Attention(AttentionReason.VISIT_UNREPORTED, now) if order.attention is None else None
    order.ask_for_attention(attention, at=now)


def _open_order(number: int) -> Order:
    order = replace(subscription().order, region=f"KR-{11 + number % 17}", engineer_id=f"engineer-{number % 34}")
    at = datetime.now(UTC) - timedelta(minutes=number)
    order.order_date, order.engineer_name = at.date().isoformat(), f"Engineer {number % 34}"
    order.mark_ordered(at=at)
    for event in (Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_ACCEPTED):
        order.record(event, at=at)
    return order
