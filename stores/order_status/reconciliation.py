"""Queries and deletions on the read model that only the reconciliation needs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order_status.view import OrderView
from domain.orders import OrderStatus
from stores.common.database import Database
from stores.order_status.counts import Cell, advance, complete, moved
from stores.order_status.rows import as_view
from stores.order_status.tables import ORDER_CHANGE, ORDER_STATUS

_AT_ONCE = 500
"""Rows."""
_FINAL = [status for status in OrderStatus if status.final]

_OF_ORDERS = select(*(column for column in ORDER_STATUS.columns if column.name not in ("history", "searched"))).where(
    ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True))
)
_OLD_ORDERS = (
    select(ORDER_STATUS.c.order_id)
    .where(ORDER_STATUS.c.status == bindparam("of_status"), ORDER_STATUS.c.updated_at < bindparam("before"))
    .order_by(ORDER_STATUS.c.updated_at)
    .limit(_AT_ONCE)
)
_EXPIRED = (
    ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True)),
    # The order's workflow may have been reset meanwhile, and its row updated.
    ORDER_STATUS.c.updated_at < bindparam("before"),
)
_FORGOTTEN_CELLS = select(ORDER_STATUS.c.region, ORDER_STATUS.c.status, ORDER_STATUS.c.attention_reason).where(
    *_EXPIRED
)
_FORGET_ORDERS = delete(ORDER_STATUS).where(*_EXPIRED)
_OLDEST_CHANGES = (
    select(ORDER_CHANGE.c.sequence, ORDER_CHANGE.c.updated_at).order_by(ORDER_CHANGE.c.sequence).limit(_AT_ONCE)
)
_FORGET_CHANGES = delete(ORDER_CHANGE).where(ORDER_CHANGE.c.sequence.in_(bindparam("sequences", expanding=True)))


class ReconciliationStore:
    """Reads and prunes the read model. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, order_ids: Sequence[str]) -> dict[str, OrderView]:
        """Return the rows of the given orders, without history, by order id. Orders without a row are absent."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_OF_ORDERS, {"of_orders": list(order_ids)})).all()
        return {row.order_id: as_view(row) for row in rows}

    async def expired(self, before: datetime) -> list[str]:
        """Return a batch of orders that ended before a time."""
        order_ids: list[str] = []
        async with self._database.reading() as connection:
            for status in _FINAL:
                found = await connection.execute(_OLD_ORDERS, {"of_status": status.value, "before": before})
                order_ids += found.scalars()
        return order_ids[:_AT_ONCE]

    async def forget(self, order_ids: Sequence[str], before: datetime) -> int:
        """Delete those of the orders that ended before a time. Returns how many were deleted."""
        expired = {"of_orders": list(order_ids), "before": before}

        async def forget(connection: AsyncConnection) -> int:
            await advance(connection, steps=0)
            if await complete(connection):
                cells = [Cell.of_row(row) for row in await connection.execute(_FORGOTTEN_CELLS, expired)]
                await moved(connection, cells, ())
            return (await connection.execute(_FORGET_ORDERS, expired)).rowcount

        gone = await self._database.transact(forget)
        await self._database.discard_overwritten()
        return gone

    async def forget_changes(self, before: datetime) -> int:
        """Delete a batch of changes that were stored before a time. Returns how many were deleted."""
        async with self._database.writing() as connection:
            oldest = (await connection.execute(_OLDEST_CHANGES)).all()
            sequences = [change.sequence for change in oldest if change.updated_at < before]
            if sequences:
                await connection.execute(_FORGET_CHANGES, {"sequences": sequences})
        # Also if an earlier try has deleted them, and others used the file then.
        await self._database.discard_overwritten()
        return len(sequences)
