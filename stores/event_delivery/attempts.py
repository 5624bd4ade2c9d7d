"""Attempts to send events: what a subscriber sees of what was sent. They are kept for some days."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.paging import Page
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.subscriptions import Attempt, AttemptFilter
from stores.common.database import Database
from stores.common.paging import Keyset
from stores.event_delivery.subscription_rows import locked, row_of
from stores.event_delivery.tables import EVENT_ATTEMPT, EVENT_SUBSCRIPTION

KEEP_ATTEMPTS_FOR = timedelta(days=7)

_IN_ORDER = Keyset("eventAttempts", (EVENT_ATTEMPT.c.at, EVENT_ATTEMPT.c.attempt_id), descending=True)
_REMOVED_AT_ONCE = 500
_EXPIRED = (
    select(EVENT_ATTEMPT.c.attempt_id)
    .where(EVENT_ATTEMPT.c.subscription_id == bindparam("of_id"), EVENT_ATTEMPT.c.at < bindparam("before"))
    .order_by(EVENT_ATTEMPT.c.at)
    .limit(_REMOVED_AT_ONCE)
)
_REMOVE = delete(EVENT_ATTEMPT).where(EVENT_ATTEMPT.c.attempt_id.in_(bindparam("ids", expanding=True)))

_NEXT = select(func.min(EVENT_ATTEMPT.c.subscription_id)).where(EVENT_ATTEMPT.c.subscription_id > bindparam("after"))
_EXISTING = select(EVENT_SUBSCRIPTION.c.subscription_id)


class AttemptStore:
    """Stores attempts. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def add(self, attempt: Attempt) -> None:
        """Store an attempt, once, and remove the expired ones of its subscription.

        Raises:
            NotFound: the subscription does not exist any more.
        """

        async def work(connection: AsyncConnection) -> None:
            await locked(connection, attempt.subscription_id)
            await remove_expired(connection, attempt.subscription_id, self._now())
            await connection.execute(insert(EVENT_ATTEMPT), as_attempt_values(attempt))

        await self._database.transact(work)

    async def list(
        self, subscription_id: str, wanted: AttemptFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Attempt]:
        """Return a page of the attempts of a subscription, the newest first.

        Raises:
            NotFound: no subscription has this id.
            MalformedCursor: the cursor does not belong to this list.
        """
        since = self._now() - KEEP_ATTEMPTS_FOR
        statement = select(EVENT_ATTEMPT).where(
            EVENT_ATTEMPT.c.subscription_id == subscription_id, EVENT_ATTEMPT.c.at >= since
        )
        if wanted.outcome is not None:
            statement = statement.where(EVENT_ATTEMPT.c.outcome == str(wanted.outcome))
        if wanted.event_id is not None:
            statement = statement.where(EVENT_ATTEMPT.c.event_id == wanted.event_id)
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            await row_of(connection, subscription_id)
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _attempt)

    async def prune(self) -> int:
        """Delete a batch of the expired attempts, and of those of deleted subscriptions. Returns how many."""
        removed = 0
        for subscription_id, deleted in await self._subscriptions():
            # An attempt of a deleted subscription is of no use, however young it is.
            now = self._now() + (2 * KEEP_ATTEMPTS_FOR if deleted else timedelta())
            async with self._database.writing() as connection:
                removed += await remove_expired(connection, subscription_id, now)
        return removed

    async def _subscriptions(self) -> Sequence[tuple[str, bool]]:
        """Return the ids of subscriptions that have attempts, and whether each is deleted."""
        found, id_ = [], ""
        async with self._database.reading() as connection:
            while (id_ := (await connection.execute(_NEXT, {"after": id_})).scalar()) is not None:
                found.append(id_)
            existing = {*(await connection.execute(_EXISTING)).scalars()}
        return [(each, each not in existing) for each in found]


async def remove_expired(connection: AsyncConnection, subscription_id: str, now: datetime) -> int:
    """Remove expired attempts of a subscription: more of them than are added, but never very many at once."""
    before = {"of_id": subscription_id, "before": now - KEEP_ATTEMPTS_FOR}
    if expired := [*(await connection.execute(_EXPIRED, before)).scalars()]:
        await connection.execute(_REMOVE, {"ids": expired})
    return len(expired)


def as_attempt_values(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as columns have it."""
    return vars(attempt) | {"outcome": str(attempt.outcome), "failure": attempt.failure and str(attempt.failure)}


def _attempt(row: Any) -> Attempt:
    return Attempt(
        row.attempt_id,
        row.subscription_id,
        row.event_id,
        row.at,
        Outcome(row.outcome),
        row.milliseconds,
        row.number,
        row.sequence,
        row.status,
        None if row.failure is None else Failure(row.failure),
    )
