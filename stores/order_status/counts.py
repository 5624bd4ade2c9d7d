"""Counts of the orders by region, status and reason for attention, so that nobody counts over all orders.

Whoever stores or deletes orders counts them in the same transaction, which holds the lock of the feed position. A
process of the release before stores without counting, but raises the sequence as everybody does. So the counts are
complete while `counted_up_to` is equal to `sequence`. Otherwise nobody uses or changes them, until `CountStore` has
counted all orders again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from sqlalchemy import BigInteger, bindparam, case, func, insert, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Order
from stores.common.database import Database
from stores.order_status.tables import FEED_POSITION, ORDER_COUNT, ORDER_STATUS


@dataclass(frozen=True, order=True)
class Cell:
    """What orders are counted by."""

    region: str
    """Empty: no region yet."""
    status: str
    reason: str
    """The reason for attention. Empty: nobody is needed."""

    @classmethod
    def of(cls, order: Order) -> Self:
        """Return the cell of an order."""
        reason = str(order.attention.reason) if order.attention else ""
        return cls(order.region or "", order.status.value, reason)

    @classmethod
    def of_row(cls, row: Any) -> Self:
        """Return the cell of a row."""
        return cls(row.region or "", row.status, row.attention_reason or "")


COMPLETE = FEED_POSITION.c.counted_up_to == FEED_POSITION.c.sequence
"""Whether every stored version is counted."""
_KEY = [ORDER_COUNT.c[field.name] for field in fields(Cell)]
_ROWS_KEY = [ORDER_STATUS.c[name] for name in ("region", "status", "attention_reason")]
_STEPS = bindparam("steps", type_=BigInteger)
_ADVANCE = update(FEED_POSITION).ordered_values(
    # In this sequence, because MySQL assigns one after the other.
    (FEED_POSITION.c.counted_up_to, FEED_POSITION.c.counted_up_to + case((COMPLETE, _STEPS), else_=0)),
    (FEED_POSITION.c.sequence, FEED_POSITION.c.sequence + _STEPS),
)
_IS_COMPLETE = select(COMPLETE)
_KNOWN = select(*_KEY).where(ORDER_COUNT.c.region.in_(bindparam("of_regions", expanding=True)))
_NEW = insert(ORDER_COUNT)
_CHANGE = (
    update(ORDER_COUNT)
    .where(*(column == bindparam(f"of_{column.name}") for column in _KEY))
    .values(orders=ORDER_COUNT.c.orders + bindparam("more"))
)
_COMPARED = union_all(
    select(*_ROWS_KEY, func.count().label("orders")).group_by(*_ROWS_KEY),
    select(*_KEY, -ORDER_COUNT.c.orders),
)
_CAUGHT_UP = update(FEED_POSITION).values(counted_up_to=FEED_POSITION.c.sequence)


async def advance(connection: AsyncConnection, steps: int) -> None:
    """Raise the sequence by the number of versions that the transaction stores.

    It waits until nobody else stores or counts orders, and keeps others waiting until the end of the transaction.
    Counts that are complete stay so: the caller has to change them with `moved`.
    """
    await connection.execute(_ADVANCE, {"steps": steps})


async def complete(connection: AsyncConnection) -> bool:
    """Return whether every stored version is counted."""
    return bool(await connection.scalar(_IS_COMPLETE))


async def moved(connection: AsyncConnection, before: Iterable[Cell], now: Iterable[Cell]) -> None:
    """Count some orders in other cells than before. The transaction holds the lock, and the counts are complete."""
    more = Counter(now)
    more.subtract(Counter(before))
    await _change(connection, more)


class CountStore:
    """Counts again where that is needed. Its method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recount(self) -> int:
        """Compare the counts with the orders, and correct them.

        Nobody waits for the comparison. A correction counts all orders once more, and others who store orders wait
        for it. An index has what is counted.

        Returns:
            How many orders were counted wrongly: the release before has deleted them without counting. Not those that
            it has stored, because the summary did not use the counts since then.
        """
        async with self._database.reading() as connection:
            if await complete(connection) and not await _difference(connection):
                return 0
        # Another process may have corrected them since: only with the lock it is certain.
        return await self._database.transact(_recounted)


async def _recounted(connection: AsyncConnection) -> int:
    await advance(connection, steps=0)
    was_complete, wrong = await complete(connection), await _difference(connection)
    await _change(connection, wrong)
    await connection.execute(_CAUGHT_UP)
    more, less = (sum(orders for orders in wrong.values() if orders * sign > 0) for sign in (1, -1))
    return max(more, -less) if was_complete else 0


async def _difference(connection: AsyncConnection) -> Mapping[Cell, int]:
    """Return what the counts lack, by cell. One statement sees orders and counts of the same moment."""
    found: Counter[Cell] = Counter()
    for region, status, reason, orders in await connection.execute(_COMPARED):
        found[Cell(region or "", status, reason or "")] += orders
    return {cell: orders for cell, orders in found.items() if orders}


async def _change(connection: AsyncConnection, more: Mapping[Cell, int]) -> None:
    """Add to the counts of some cells. The transaction holds the lock."""
    changed = {cell: number for cell, number in sorted(more.items()) if number}
    if not changed:
        return
    regions = {cell.region for cell in changed}
    known = {Cell(*row) for row in await connection.execute(_KNOWN, {"of_regions": sorted(regions)})}
    new = [asdict(cell) | {"orders": number} for cell, number in changed.items() if cell not in known]
    others = [
        {f"of_{name}": value for name, value in asdict(cell).items()} | {"more": number}
        for cell, number in changed.items()
        if cell in known
    ]
    if new:
        await connection.execute(_NEW, new)
    if others:
        await connection.execute(_CHANGE, others)
