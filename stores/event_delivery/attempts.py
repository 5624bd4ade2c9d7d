"""Attempts to send events: what a subscriber sees of what was sent. They are kept for some days."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.paging import Page
from domain.event_delivery.answers import Failure, Outcome
from domain.event_delivery.subscriptions import Attempt, AttemptFilter
from stores.common.database import Database
from stores.common.paging import Keyset
from stores.event_delivery.tables import EVENT_ATTEMPT

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


class AttemptStore:
    """Stores attempts. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def add(self, attempt: Attempt) -> None:
        """Store an attempt, once, and remove the expired ones of its subscription."""
        async with self._database.writing() as connection:
            await remove_expired(connection, attempt.subscription_id, self._now())
            await connection.execute(insert(EVENT_ATTEMPT), as_attempt_values(attempt))

    async def list(
        self, subscription_id: str, wanted: AttemptFilter, *, limit: int = 50, cursor: str | None = None
    ) -> Page[Attempt]:
        """Return a page of the attempts of a subscription, the newest first.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = select(EVENT_ATTEMPT).where(EVENT_ATTEMPT.c.subscription_id == subscription_id)
        if wanted.outcome is not None:
            statement = statement.where(EVENT_ATTEMPT.c.outcome == str(wanted.outcome))
        if wanted.event_id is not None:
            statement = statement.where(EVENT_ATTEMPT.c.event_id == wanted.event_id)
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _attempt)


async def remove_expired(connection: AsyncConnection, subscription_id: str, now: datetime) -> None:
    """Remove expired attempts of a subscription: more of them than are added, but never very many at once."""
    before = {"of_id": subscription_id, "before": now - KEEP_ATTEMPTS_FOR}
    if expired := [*(await connection.execute(_EXPIRED, before)).scalars()]:
        await connection.execute(_REMOVE, {"ids": expired})


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
