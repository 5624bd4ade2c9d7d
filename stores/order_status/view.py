"""The read model: the current state of every order, and the recent changes."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, and_, bindparam, delete, exists, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.common.paging import Page
from domain.order_status.statistics import DayStatistics
from domain.order_status.view import FeedEntry, OrderChange, OrderFilter, OrderView, Sort, Summary
from domain.orders import HistoryEntry, Order
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.common.paging import Keyset, page_of_parts
from stores.order_status import census, feed, outbox, statistics
from stores.order_status.counts import COMPLETE, Cell, advance, moved
from stores.order_status.rows import as_row, as_view, conditions, reached, with_history
from stores.order_status.tables import FEED_POSITION, ORDER_CHANGE, ORDER_STATUS

DEFAULT_GRID = VisitGrid()
KEEP_CHANGES_FOR = timedelta(days=7)
_PRUNE_EVERY = 500
_PRUNE_AT_ONCE = 2 * _PRUNE_EVERY
_PRUNE_EVENTS_AT_ONCE = 6 * _PRUNE_EVERY
"""While the view is slow, several versions of an order are stored as one, which then brings up to six events."""

_LISTED = [column for column in ORDER_STATUS.columns if column.name not in ("history", "searched", "last_told")]
_OF_A_VERSION = [column for column in ORDER_STATUS.columns if column.name in ORDER_CHANGE.columns]
_of_order = ORDER_STATUS.c.order_id == bindparam("of_order")
_ORDER = select(ORDER_STATUS).where(_of_order)
_NEW_ORDER = insert(ORDER_STATUS)
_CHANGE_ORDER = update(ORDER_STATUS).where(_of_order)
_NEW_CHANGES = insert(ORDER_CHANGE).from_select(
    ["sequence", *(column.name for column in _OF_A_VERSION)],
    select(
        bindparam("sequence_before", type_=BigInteger) + func.row_number().over(order_by=ORDER_STATUS.c.order_id),
        *_OF_A_VERSION,
    ).where(ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True))),
)
_STORED = (
    select(
        FEED_POSITION.c.sequence,
        COMPLETE.label("counts_complete"),
        *(ORDER_STATUS.c[name] for name in ("order_id", "version", "engineer_id", "history")),
        *(ORDER_STATUS.c[name] for name in ("region", "status", "attention_reason")),
        *(ORDER_STATUS.c[name] for name in ("install_completed_at", "last_told")),
    )
    .select_from(FEED_POSITION)
    .outerjoin(ORDER_STATUS, ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True)))
)
_same_order = ORDER_STATUS.c.order_id == ORDER_CHANGE.c.order_id
_HISTORY_NOW = select(ORDER_STATUS.c.history).where(_same_order).scalar_subquery().label("history_now")
_LAST_SEQUENCE = select(FEED_POSITION.c.sequence)
_OLD_CHANGE = (
    select(ORDER_CHANGE.c.sequence, ORDER_CHANGE.c.updated_at)
    .order_by(ORDER_CHANGE.c.sequence)
    .offset(_PRUNE_AT_ONCE - 1)
    .limit(1)
)
_PRUNE = delete(ORDER_CHANGE).where(ORDER_CHANGE.c.sequence <= bindparam("up_to"))
_SORTED_BY: dict[Sort, Column[Any]] = {
    Sort.ORDER_DATE: ORDER_STATUS.c.order_date,
    Sort.UPDATED_AT: ORDER_STATUS.c.updated_at,
    Sort.ATTENTION_SINCE: ORDER_STATUS.c.attention_since,
}


class OrderStatusStore:
    """Stores the read model. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(
        self,
        database: Database,
        grid: VisitGrid = DEFAULT_GRID,
        *,
        keep_changes_for: timedelta = KEEP_CHANGES_FOR,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Use the read model of a database.

        Args:
            database: The database.
            grid: Whose local days the statistics count.
            keep_changes_for: How long changes are kept for the event stream.
            now: The clock.
        """
        self._database = database
        self._grid = grid
        self._keep_changes_for = keep_changes_for
        self._now = now

    async def put(self, orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        """Store the newest version of each order, if it is newer than the stored one. All orders are stored, or none.

        In the same transaction, the statistics count the events, and the outbox has them for other systems.

        Returns:
            For each of the orders, the events that were not stored before. None for a version that is not stored.
        """
        if not orders:
            return []
        return await self._database.transact(lambda connection: self._put(connection, orders))

    async def get(self, order_id: str) -> OrderView:
        """Return an order with its history.

        Raises:
            NotFound: the order has never been stored.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(_ORDER, {"of_order": order_id})).one_or_none()
        if row is None:
            raise NotFound("no order has this id")
        return with_history(row)

    async def list(
        self, wanted: OrderFilter, sort: Sort, descending: bool, limit: int, cursor: str | None = None
    ) -> Page[OrderView]:
        """Return a page of the orders that meet all conditions, without history.

        Sorted by `attentionSince`, orders that need nobody come last.

        Raises:
            MalformedCursor: the cursor does not belong to a list with this sorting.
        """
        async with self._database.reading() as connection:
            return await page_of_parts(
                connection,
                select(*_LISTED).where(*conditions(wanted, ORDER_STATUS), *reached(wanted.reach, ORDER_STATUS)),
                _parts(wanted, sort, descending),
                limit=limit,
                cursor=cursor,
                dialect=self._database.dialect,
                made=as_view,
            )

    async def summary(self, regions: Sequence[str] = ()) -> Summary:
        """Count the orders by status, region and need of a person, of all regions or of some."""
        async with self._database.reading() as connection:
            summary, _ = await census.summarized(connection, regions)
        return summary

    async def statistics(self, first: date, last: date, regions: Sequence[str] = ()) -> Sequence[DayStatistics]:
        """Return what happened on some days, both ends included, in all regions or in some. Oldest first."""
        async with self._database.reading() as connection:
            return await statistics.between(connection, first, last, regions)

    async def changes_after(
        self, sequence: int, wanted: OrderFilter, limit: int, *, up_to: int | None = None
    ) -> Sequence[OrderChange]:
        """Return the kept versions after a sequence number (and up to another) that meet all conditions.

        They are versions of orders that are within reach now: an order that has left a region takes its past along.
        Of an order that has left an engineer, there is the version with which it left, whatever the other conditions.
        To an engineer, each version comes with the order's history up to now.
        """
        selected = and_(true(), *conditions(wanted, ORDER_CHANGE))
        if wanted.reach.limited:
            # Looked up for each version: a join could read every order of a region to find a few versions.
            selected &= exists().where(_same_order, *reached(wanted.reach, ORDER_STATUS))
        engineer_id = wanted.reach.engineer_id
        if engineer_id is not None:
            selected &= ORDER_CHANGE.c.engineer_id == engineer_id
            selected |= ORDER_CHANGE.c.former_engineer_id == engineer_id
        statement = select(ORDER_CHANGE).where(ORDER_CHANGE.c.sequence > sequence, selected)
        statement = statement.order_by(ORDER_CHANGE.c.sequence).limit(limit)
        if engineer_id is not None:
            statement = statement.add_columns(_HISTORY_NOW)
        if up_to is not None:
            statement = statement.where(ORDER_CHANGE.c.sequence <= up_to)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        if engineer_id is None:
            return [OrderChange(row.sequence, with_history(row)) for row in rows]
        return [
            OrderChange(row.sequence, with_history(row), left=True)
            if row.former_engineer_id == engineer_id
            else OrderChange(row.sequence, with_history(row), history_now=row.history_now)
            for row in rows
        ]

    async def feed(self, after: int, up_to: int, limit: int) -> Sequence[FeedEntry]:
        """Return the kept versions after a sequence number and up to another, for whoever may see them."""
        async with self._database.reading() as connection:
            return await feed.entries(connection, after, up_to, limit)

    async def last_sequence(self) -> int:
        """Return the last sequence number. Each number up to it is used, or never will be."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_LAST_SEQUENCE)).scalar_one())

    async def _put(self, connection: AsyncConnection, orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        # Other writers wait here until this is committed, so numbers rise in the order of commits.
        await advance(connection, len(orders))
        rows = (await connection.execute(_STORED, {"of_orders": [order.order_id for order in orders]})).all()
        before, stored = rows[0].sequence - len(orders), {row.order_id: row for row in rows if row.order_id}
        newest: dict[str, Order] = {}
        for order in orders:
            known = newest.get(order.order_id) or stored.get(order.order_id)
            if known is None or order.version > known.version:
                newest[order.order_id] = order
        if not newest:
            return [[] for _ in orders]
        at = self._now()
        told = {order_id: outbox.news_of(order, stored.get(order_id)) for order_id, order in newest.items()}
        await outbox.write(connection, [event for each in told.values() for event in each.events], at=at)
        new = [
            as_row(order, at) | {"last_told": told[order_id].last_told}
            for order_id, order in newest.items()
            if order_id not in stored
        ]
        changed = [
            as_row(order, at, stored[order_id].engineer_id)
            | {"of_order": order_id, "last_told": told[order_id].last_told}
            for order_id, order in newest.items()
            if order_id in stored
        ]
        if new:
            await connection.execute(_NEW_ORDER, new)
        if changed:
            await connection.execute(_CHANGE_ORDER, changed)
        if rows[0].counts_complete:
            known_cells = [Cell.of_row(row) for order_id, row in stored.items() if order_id in newest]
            await moved(connection, known_cells, map(Cell.of, newest.values()))
        await connection.execute(_NEW_CHANGES, {"sequence_before": before, "of_orders": list(newest)})
        await statistics.count_events(connection, newest.values(), at=at, day_of=self._grid.day_of)
        if before // _PRUNE_EVERY != rows[0].sequence // _PRUNE_EVERY:
            await self._prune(connection, older_than=at - self._keep_changes_for)
            await statistics.forget_progress(connection, at=at, at_most=_PRUNE_AT_ONCE)
            await outbox.prune(connection, at=at, at_most=_PRUNE_EVENTS_AT_ONCE)
        known_events = {order_id: len(row.history) for order_id, row in stored.items()}
        events = {order_id: order.history[known_events.get(order_id, 0) :] for order_id, order in newest.items()}
        return [events.pop(order.order_id, []) if newest.get(order.order_id) is order else [] for order in orders]

    async def _prune(self, connection: AsyncConnection, *, older_than: datetime) -> None:
        """Delete the oldest changes in one batch, if a whole batch is old enough."""
        old = (await connection.execute(_OLD_CHANGE)).one_or_none()
        if old is not None and old.updated_at < older_than:
            await connection.execute(_PRUNE, {"up_to": old.sequence})


def _parts(wanted: OrderFilter, sort: Sort, descending: bool) -> Sequence[Keyset]:
    """Return the keysets of a list. By `attentionSince` there are two, so that an index serves each."""
    by = _SORTED_BY[sort]
    if sort is not Sort.ATTENTION_SINCE:
        return [Keyset(sort.value, (by, ORDER_STATUS.c.order_id), descending)]
    needing = Keyset(sort.value, (by, ORDER_STATUS.c.order_id), descending, by.is_not(None))
    others = Keyset(f"{sort.value}-none", (ORDER_STATUS.c.order_id,), descending, by.is_(None))
    if wanted.attention is None:
        return [needing, others]
    return [others] if wanted.attention == "false" else [needing]
