"""The statistics: counted in the transaction that stores an order, so that each event counts exactly once.

The transaction holds the lock of the feed position, so nobody else counts at the same time.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order_status.statistics import COUNTED_WITHIN, DayCounts, DayStatistics, Progress, count
from domain.orders import Order
from stores.order_status.tables import COUNTED_ORDER, DAY_STATISTICS, STATISTICS_BEGIN

_CLOCKS_DIFFER = timedelta(days=1)
"""How much longer than necessary the progress of an order is remembered."""
_COUNTERS = ("ordered", "completed", "canceled", "declined", "unanswered", "incomplete_by_reason", "hours")

_PROGRESS = select(STATISTICS_BEGIN.c.at, COUNTED_ORDER).outerjoin_from(
    STATISTICS_BEGIN, COUNTED_ORDER, COUNTED_ORDER.c.order_id.in_(bindparam("of_orders", expanding=True))
)
_NEW_PROGRESS = insert(COUNTED_ORDER)
_CHANGE_PROGRESS = update(COUNTED_ORDER).where(COUNTED_ORDER.c.order_id == bindparam("of_order"))
_DAYS = select(DAY_STATISTICS).where(DAY_STATISTICS.c.day.in_(bindparam("of_days", expanding=True)))
_NEW_DAY = insert(DAY_STATISTICS)
_CHANGE_DAY = update(DAY_STATISTICS).where(
    DAY_STATISTICS.c.day == bindparam("of_day"), DAY_STATISTICS.c.region == bindparam("of_region")
)
_SPAN = select(DAY_STATISTICS).where(DAY_STATISTICS.c.day.between(bindparam("first"), bindparam("last")))
_OLD_PROGRESS = (
    select(COUNTED_ORDER.c.order_id)
    .where(COUNTED_ORDER.c.until < bindparam("before"))
    .order_by(COUNTED_ORDER.c.until)
    .limit(bindparam("at_most"))
)
_FORGET_PROGRESS = delete(COUNTED_ORDER).where(COUNTED_ORDER.c.order_id.in_(bindparam("of_orders", expanding=True)))


async def count_events(
    connection: AsyncConnection, orders: Collection[Order], *, at: datetime, day_of: Callable[[datetime], date]
) -> None:
    """Count the events of some orders that have not been counted yet, in the regions that the orders have now."""
    rows = (await connection.execute(_PROGRESS, {"of_orders": [order.order_id for order in orders]})).all()
    known = {row.order_id: Progress(row.entries, row.until) for row in rows if row.order_id}
    since = max(rows[0].at, at - COUNTED_WITHIN)
    days: dict[tuple[date, str], DayCounts] = {}
    new, changed = [], []
    for order in orders:
        counts, progress = count(order, known.get(order.order_id, Progress()), since=since, day_of=day_of)
        if not counts:
            continue
        for day, counted in counts.items():
            days.setdefault((day, order.region or ""), DayCounts()).merge(counted)
        values = {"entries": progress.entries, "until": progress.until}
        if order.order_id in known:
            changed.append(values | {"of_order": order.order_id})
        else:
            new.append(values | {"order_id": order.order_id})
    if new:
        await connection.execute(_NEW_PROGRESS, new)
    if changed:
        await connection.execute(_CHANGE_PROGRESS, changed)
    if days:
        await _add(connection, days)


async def forget_progress(connection: AsyncConnection, *, at: datetime, at_most: int) -> None:
    """Forget the progress of some orders of which nothing can be counted again, because it happened too long ago."""
    before = at - COUNTED_WITHIN - _CLOCKS_DIFFER
    old = (await connection.execute(_OLD_PROGRESS, {"before": before, "at_most": at_most})).scalars().all()
    if old:
        await connection.execute(_FORGET_PROGRESS, {"of_orders": old})


async def between(
    connection: AsyncConnection, first: date, last: date, regions: Collection[str]
) -> Sequence[DayStatistics]:
    """Return the counts of some days, both ends included: those of some regions, or (none named) all. Oldest first."""
    statement = _SPAN.order_by(DAY_STATISTICS.c.day, DAY_STATISTICS.c.region)
    if regions:
        statement = statement.where(DAY_STATISTICS.c.region.in_(regions))
    rows = (await connection.execute(statement, {"first": first, "last": last})).all()
    return [DayStatistics(row.day, row.region or None, _counts(row)) for row in rows]


async def _add(connection: AsyncConnection, days: dict[tuple[date, str], DayCounts]) -> None:
    rows = (await connection.execute(_DAYS, {"of_days": sorted({day for day, _ in days})})).all()
    stored = {(row.day, row.region): _counts(row) for row in rows}
    new, changed = [], []
    for (day, region), counts in days.items():
        before = stored.get((day, region))
        counts.merge(before or DayCounts())
        values = {name: getattr(counts, name) for name in _COUNTERS}
        if before is None:
            new.append(values | {"day": day, "region": region})
        else:
            changed.append(values | {"of_day": day, "of_region": region})
    if new:
        await connection.execute(_NEW_DAY, new)
    if changed:
        await connection.execute(_CHANGE_DAY, changed)


def _counts(row: Any) -> DayCounts:
    return DayCounts(**{name: getattr(row, name) for name in _COUNTERS})
