"""Orders with events for tests of the outbox, and what it has of them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from domain.order_events import event_id
from domain.orders import Event, HistoryEntry, Order
from stores.common.database import Database
from stores.order_status.rows import as_row
from stores.order_status.tables import FEED_POSITION, ORDER_EVENT, ORDER_STATUS
from tests.stores.orders import NOON, order


def of_entries(order_id: str, version: int, *events: str | HistoryEntry, **more: Any) -> Order:
    """Return an order with some events, a minute from one to the next."""
    placed = HistoryEntry(Event.JOIN_ORDERED, NOON, "customer:c1")
    history = [
        each if isinstance(each, HistoryEntry) else HistoryEntry(each, NOON + timedelta(minutes=index))
        for index, each in enumerate(events, 1)
    ]
    return order(order_id, version, history=[placed, *history], **more)


def ids(order_id: str, history: Sequence[HistoryEntry]) -> list[str]:
    """Return the ids of the events of a history."""
    return [event_id(order_id, position, entry) for position, entry in enumerate(history)]


async def rows(database: Database) -> Sequence[Any]:
    """Return the rows of the outbox."""
    async with database.reading() as connection:
        return (await connection.execute(select(ORDER_EVENT).order_by(ORDER_EVENT.c.sequence))).all()


async def written(database: Database) -> list[str]:
    """Return the ids of the events in the outbox."""
    return [row.event_id for row in await rows(database)]


async def store_as_before(database: Database, stored: Order) -> None:
    """Do what the release before does: store an order, and tell nothing."""
    row, one = as_row(stored, NOON), ORDER_STATUS.c.order_id == stored.order_id
    async with database.writing() as connection:
        await connection.execute(update(FEED_POSITION).values(sequence=FEED_POSITION.c.sequence + 1))
        known = await connection.scalar(select(func.count()).select_from(ORDER_STATUS).where(one))
        await connection.execute(update(ORDER_STATUS).where(one).values(row) if known else insert(ORDER_STATUS), row)
