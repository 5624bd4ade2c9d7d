"""The outbox: events of orders for other systems, each written in the transaction that stores the order.

Whoever writes holds the lock of the feed position until the commit. So numbers rise in the order of commits, and each
number up to the last one is visible, or never will be.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import accumulate, takewhile
from typing import Any

from sqlalchemy import BigInteger, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.event_delivery.relay import EventsRead, OutboxEvent, Told
from domain.order_events import News, news
from domain.orders import Order, OrderStatus
from stores.common.database import Database
from stores.common.paging import Keyset, page_of_parts
from stores.order_status.counts import advance
from stores.order_status.tables import ORDER_EVENT, ORDER_STATUS, OUTBOX_POSITION

KEEP_RELAYED_FOR = timedelta(days=8)
"""How long an event is kept that has been copied, in case the copy is lost: longer than backups are usually old."""
KEEP_FOR = timedelta(days=30)
"""How long an event is kept that nobody has copied."""
_PAGE = 100
"""Orders."""
_MOST_BYTES = 1_000_000
"""Of the events of one read. Temporal refuses messages of 2 MB."""
_ENVELOPE_BYTES = 600
"""Of an event, besides its facts."""

_LAST = select(OUTBOX_POSITION.c.sequence)
_ADVANCE = update(OUTBOX_POSITION).values(sequence=OUTBOX_POSITION.c.sequence + bindparam("steps", type_=BigInteger))
_AT = select(
    OUTBOX_POSITION.c.sequence,
    select(ORDER_EVENT.c.event_id)
    .where(ORDER_EVENT.c.sequence == bindparam("number"))
    .scalar_subquery()
    .label("event_id"),
)
_NEW_EVENTS = insert(ORDER_EVENT)
_EVENTS = (
    select(ORDER_EVENT)
    .where(ORDER_EVENT.c.sequence > bindparam("after"), ORDER_EVENT.c.sequence <= bindparam("up_to"))
    .order_by(ORDER_EVENT.c.sequence)
    .limit(bindparam("at_most"))
)
_RELAYED = (
    update(OUTBOX_POSITION)
    .where(OUTBOX_POSITION.c.relayed < bindparam("up_to"), OUTBOX_POSITION.c.sequence >= bindparam("up_to"))
    .values(relayed=bindparam("up_to"))
)
_OLDEST = (
    select(ORDER_EVENT.c.sequence, ORDER_EVENT.c.written_at, OUTBOX_POSITION.c.relayed)
    .join(OUTBOX_POSITION, OUTBOX_POSITION.c.outbox == 1)
    .order_by(ORDER_EVENT.c.sequence)
    .limit(bindparam("at_most"))
)
_WAITING = (
    select(ORDER_EVENT.c.written_at)
    .where(ORDER_EVENT.c.sequence > select(OUTBOX_POSITION.c.relayed).scalar_subquery())
    .order_by(ORDER_EVENT.c.sequence)
    .limit(1)
)
_EXTENT = select(OUTBOX_POSITION.c.relayed, select(func.min(ORDER_EVENT.c.sequence)).scalar_subquery().label("oldest"))
_PRUNE = delete(ORDER_EVENT).where(ORDER_EVENT.c.sequence <= bindparam("up_to"))
_TOLD_OF = ("order_id", "product_id", "status", "install_completed_at", "history", "last_told")
"""The columns from which the events of an order are made."""
_ORDERS = select(*(ORDER_STATUS.c[name] for name in _TOLD_OF), ORDER_STATUS.c.updated_at)
_SOME_ORDERS = _ORDERS.where(ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True)))
_BY_UPDATE = Keyset("updatedAt", (ORDER_STATUS.c.updated_at, ORDER_STATUS.c.order_id))
_MARK_TOLD = (
    update(ORDER_STATUS).where(ORDER_STATUS.c.order_id == bindparam("of_order")).values(last_told=bindparam("up_to"))
)
_EVENT = [column for column in ORDER_EVENT.columns if column.name != "sequence"]
_RENUMBER = insert(ORDER_EVENT).from_select(
    ["sequence", *(column.name for column in _EVENT)],
    select(
        bindparam("beyond", type_=BigInteger) + func.row_number().over(order_by=ORDER_EVENT.c.sequence),
        *_EVENT,
    ).where(ORDER_EVENT.c.sequence > select(OUTBOX_POSITION.c.relayed).scalar_subquery()),
)
_FORGET_NUMBERS = delete(ORDER_EVENT).where(
    ORDER_EVENT.c.sequence > select(OUTBOX_POSITION.c.relayed).scalar_subquery(),
    ORDER_EVENT.c.sequence <= bindparam("up_to"),
)
_COUNT = select(func.count()).select_from(ORDER_EVENT).where(ORDER_EVENT.c.sequence > bindparam("beyond"))
_SET_LAST = update(OUTBOX_POSITION).values(sequence=bindparam("last"))


def news_of(order: Order, row: Any | None) -> News:
    """Return what an order has to tell that is about to be stored in place of a row, or of none."""
    if row is None:
        return news(order, None, None)
    stored = replace(
        order,
        status=OrderStatus(row.status),
        install_completed_at=row.install_completed_at,
        history=row.history,
    )
    return news(order, stored, row.last_told)


async def write(connection: AsyncConnection, events: Sequence[OutboxEvent], *, at: datetime) -> None:
    """Write events into the outbox. The transaction holds the lock of the feed position."""
    if not events:
        return
    await connection.execute(_ADVANCE, {"steps": len(events)})
    first = int((await connection.execute(_LAST)).scalar_one()) - len(events) + 1
    await connection.execute(
        _NEW_EVENTS,
        [vars(event) | {"sequence": first + index, "written_at": at} for index, event in enumerate(events)],
    )


async def prune(connection: AsyncConnection, *, at: datetime, at_most: int) -> None:
    """Delete the oldest events that have been copied, or are too old to be kept for that."""
    oldest = (await connection.execute(_OLDEST, {"at_most": at_most})).all()
    copied, any_ = at - KEEP_RELAYED_FOR, at - KEEP_FOR
    old = [*takewhile(lambda row: row.written_at < (copied if row.sequence <= row.relayed else any_), oldest)]
    if old:
        await connection.execute(_PRUNE, {"up_to": old[-1].sequence})


async def waiting_since(connection: AsyncConnection) -> datetime | None:
    """Return when the oldest event was written that has not been copied."""
    return (await connection.execute(_WAITING)).scalars().one_or_none()


class OutboxStore:
    """Reads the outbox, and completes it. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> int:
        """Return the last number that the outbox has given."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_LAST)).scalar_one())

    async def was_set_back(self, number: int, event_id: str) -> bool:
        """Return whether a number that was read has not been given, or has been given to another event.

        The database has then lost its newest transactions, as by a fail-over or the restore of a backup.

        Args:
            number: The number.
            event_id: Id of the event that had it. Empty: not known. Events are deleted after a time.
        """
        async with self._database.reading() as connection:
            found = (await connection.execute(_AT, {"number": number})).one()
        return found.sequence < number or bool(event_id and found.event_id and found.event_id != event_id)

    async def read(self, after: int, limit: int) -> EventsRead:
        """Return the events after a number: at most so many, and fewer if they would be too large for a message."""
        async with self._database.reading() as connection:
            last = int((await connection.execute(_LAST)).scalar_one())
            found = await connection.execute(_EVENTS, {"after": after, "up_to": last, "at_most": limit})
            rows = found.all()
        fit = rows[: _that_fit(rows)]
        all_ = len(fit) == len(rows) < limit
        events = [
            OutboxEvent(row.event_id, row.subject, row.position, row.event, row.at, row.data, row.region) for row in fit
        ]
        return EventsRead(events, up_to=max(after, last) if all_ else fit[-1].sequence, last=last)

    async def relayed(self, up_to: int) -> None:
        """Take note that the events up to a number have been copied. A number that was not given yet is ignored."""
        async with self._database.writing() as connection:
            await connection.execute(_RELAYED, {"up_to": up_to})

    async def lacks(self, after: int) -> bool:
        """Return whether events after a number may be gone that had been copied: the copy has been set back since."""
        async with self._database.reading() as connection:
            extent = (await connection.execute(_EXTENT)).one()
        return after < extent.relayed and (extent.oldest is None or extent.oldest > after + 1)

    async def tell_untold(self, since: datetime, cursor: str | None, *, again: bool = False) -> Told:
        """Write the missing events of a page of orders that were stored since a time: a release before has stored them.

        Args:
            since: The time.
            cursor: Where the page begins; `None`: at the beginning.
            again: Write every event that has happened since then, also those that were written before.

        Raises:
            MalformedCursor: the cursor is of another list.
        """
        untold = partial(_untold, again_since=since if again else None)
        async with self._database.reading() as connection:
            page = await page_of_parts(
                connection,
                _ORDERS.where(ORDER_STATUS.c.updated_at >= since),
                [_BY_UPDATE],
                limit=_PAGE,
                cursor=cursor,
                dialect=self._database.dialect,
                made=lambda row: row.order_id if untold(row).events else None,
            )
        order_ids = [order_id for order_id in page.items if order_id is not None]
        told = 0
        if order_ids:
            told = await self._database.transact(lambda connection: _tell(connection, order_ids, untold))
        return Told(told, page.next_cursor)

    async def renumber(self, beyond: int = 0) -> int:
        """Number the events anew, beyond a number, every number that was given, and the time in milliseconds.

        That is needed after a backup was restored, which does not know the numbers that were given after it. Events
        that had been copied when it was taken keep their numbers: whoever reads on there has them. Whoever reads the
        outbox may read the others again, and knows them by their ids.

        Returns:
            The last number.
        """

        async def work(connection: AsyncConnection) -> int:
            await advance(connection, 0)
            now = int(datetime.now(UTC).timestamp() * 1000)
            before = max(beyond, now, int((await connection.execute(_LAST)).scalar_one()))
            await connection.execute(_RENUMBER, {"beyond": before})
            await connection.execute(_FORGET_NUMBERS, {"up_to": before})
            last = before + int((await connection.execute(_COUNT, {"beyond": before})).scalar_one())
            await connection.execute(_SET_LAST, {"last": last})
            return last

        return await self._database.transact(work)


async def _tell(connection: AsyncConnection, order_ids: Sequence[str], untold_of: Callable[[Any], News]) -> int:
    await advance(connection, 0)
    rows = (await connection.execute(_SOME_ORDERS, {"of_orders": list(order_ids)})).all()
    untold = {row.order_id: untold_of(row) for row in rows}
    found = {order_id: untold[order_id] for order_id in order_ids if order_id in untold}
    events = [event for each in found.values() for event in each.events]
    await write(connection, events, at=datetime.now(UTC))
    marks = [{"of_order": order_id, "up_to": each.last_told} for order_id, each in found.items()]
    if marks:
        await connection.execute(_MARK_TOLD, marks)
    return len(events)


def _that_fit(rows: Sequence[Any]) -> int:
    """Return how many events fit into one message, but at least one."""
    sizes = accumulate(len(json.dumps(row.data)) + _ENVELOPE_BYTES for row in rows)
    return max(1, sum(size <= _MOST_BYTES for size in sizes))


def _untold(row: Any, *, again_since: datetime | None) -> News:
    """Return what is missing in the outbox about an order as it is stored, or all that has happened since a time."""
    order = Order(
        row.order_id,
        product_id=row.product_id,
        status=OrderStatus(row.status),
        install_completed_at=row.install_completed_at,
        history=row.history,
    )
    if again_since is None:
        return news_of(order, row)
    all_ = news(order, None, None)
    return replace(all_, events=[event for event in all_.events if event.at >= again_since])
