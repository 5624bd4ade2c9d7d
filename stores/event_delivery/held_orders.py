"""Orders whose next event a consumer has refused: a person has them tried again, or gives an event up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.common.paging import Page
from domain.event_delivery.subscriptions import AnotherEventHeld, HeldOrder, SubscriptionView
from stores.common.database import Database
from stores.common.paging import Keyset
from stores.event_delivery.subscription_rows import as_held_order, locked, row_of
from stores.event_delivery.subscription_views import view_of
from stores.event_delivery.tables import EVENT, EVENT_HELD, EVENT_SUBSCRIPTION

_one = (EVENT_HELD.c.subscription_id == bindparam("of_id")) & (EVENT_HELD.c.subject == bindparam("of_subject"))
_ONE = select(EVENT_HELD).where(_one)
_CHANGE = update(EVENT_HELD).where(_one)
_RELEASE = delete(EVENT_HELD).where(_one)
_RELEASE_LATER = delete(EVENT_HELD).where(
    EVENT_HELD.c.subscription_id == bindparam("of_id"), EVENT_HELD.c.sequence > bindparam("after")
)
# At most `MOST_HELD` orders of a subscription are held, which the primary key finds. So the order needs no index.
_IN_ORDER = Keyset("heldOrders", (EVENT_HELD.c.since, EVENT_HELD.c.subject))
_WITH_TYPES = select(EVENT_HELD, EVENT.c.type).outerjoin(EVENT, EVENT.c.sequence == EVENT_HELD.c.sequence)
_LATER = (
    select(EVENT.c.sequence, EVENT.c.event_id, EVENT.c.type, EVENT.c.region)
    .where(EVENT.c.subject == bindparam("subject"), EVENT.c.sequence > bindparam("after"))
    .where(EVENT.c.sequence <= bindparam("up_to"))
    .order_by(EVENT.c.sequence)
)
_GO_AHEAD = update(EVENT_SUBSCRIPTION).where(EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id"))
_NOTICE = (
    update(EVENT_SUBSCRIPTION)
    .where(EVENT_SUBSCRIPTION.c.subscription_id == bindparam("of_id"))
    .values(run=EVENT_SUBSCRIPTION.c.run + 1)
)


class HeldOrderStore:
    """Stores held orders. Every method raises `StoreUnavailable` if the database does not answer.

    A method with `within` changes nothing beyond the regions to which its caller is limited. `None`: no limit.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def list(self, subscription_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[HeldOrder]:
        """Return a page of the held orders of a subscription, the one that is held for the longest time first.

        Raises:
            NotFound: no subscription has this id.
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _WITH_TYPES.where(EVENT_HELD.c.subscription_id == subscription_id)
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            await row_of(connection, subscription_id)
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, lambda row: replace(as_held_order(row), type=row.type))

    async def retry(
        self, subscription_id: str, order_id: str, *, within: frozenset[str] | None = None
    ) -> SubscriptionView:
        """Have the event that holds an order sent again at once.

        Raises:
            NotFound: the order is not held, or the subscription is not about orders of these regions alone.
        """

        async def work(connection: AsyncConnection) -> SubscriptionView:
            await locked(connection, subscription_id, within)
            await _held(connection, subscription_id, order_id)
            await connection.execute(_CHANGE, {**_named(subscription_id, order_id), "retry_at": self._now()})
            await connection.execute(_NOTICE, {"of_id": subscription_id})
            return await view_of(connection, subscription_id, self._now())

        return await self._database.transact(work)

    async def skip(
        self,
        subscription_id: str,
        order_id: str,
        event_id: str | None = None,
        *,
        within: frozenset[str] | None = None,
    ) -> SubscriptionView:
        """Give up the event that holds an order. The order's later events are sent.

        Args:
            subscription_id: The subscription.
            order_id: The order.
            event_id: The event to give up. None: whichever holds the order.
            within: The regions to which the caller is limited.

        Raises:
            NotFound: the order is not held, or the subscription is not about orders of these regions alone.
            AnotherEventHeld: it is held by another event.
        """

        async def work(connection: AsyncConnection) -> SubscriptionView:
            subscription = await locked(connection, subscription_id, within)
            held = await _held(connection, subscription_id, order_id)
            if event_id not in (None, held.event_id):
                raise AnotherEventHeld("another event holds the order now")
            if held.sequence > subscription.delivered:  # the next run reads it again, and has to pass over it
                ahead = sorted({*(subscription.ahead or ()), held.sequence})
                await connection.execute(_GO_AHEAD, {"of_id": subscription_id, "ahead": ahead})
            span = {"subject": order_id, "after": held.sequence, "up_to": subscription.delivered}
            later = [
                row
                for row in (await connection.execute(_LATER, span)).all()
                if subscription.selects(row.type, row.region)
            ]
            named = _named(subscription_id, order_id)
            if later:
                now = self._now()
                head = {"sequence": later[0].sequence, "event_id": later[0].event_id, "last_status": None}
                await connection.execute(_CHANGE, {**named, **head, "attempts": 0, "since": now, "retry_at": now})
            else:
                await connection.execute(_RELEASE, named)
            await connection.execute(_NOTICE, {"of_id": subscription_id})
            return await view_of(connection, subscription_id, self._now())

        return await self._database.transact(work)


async def release(connection: AsyncConnection, subscription_id: str, *, after: int) -> None:
    """Release the orders that are held by an event after a position. All their events after it are read again."""
    await connection.execute(_RELEASE_LATER, {"of_id": subscription_id, "after": after})


async def _held(connection: AsyncConnection, subscription_id: str, order_id: str) -> Any:
    held = (await connection.execute(_ONE, _named(subscription_id, order_id))).one_or_none()
    if held is None:
        raise NotFound("the order is not held")
    return held


def _named(subscription_id: str, order_id: str) -> dict[str, str]:
    return {"of_id": subscription_id, "of_subject": order_id}
