"""Counts subscriptions and held orders, and measures how long events wait. For monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from domain.event_delivery.subscriptions import SubscriptionState
from stores.common.database import Database
from stores.event_delivery.tables import EVENT, EVENT_HELD, EVENT_SUBSCRIPTION

_subscription = EVENT_SUBSCRIPTION.c
_works = (_subscription.state != str(SubscriptionState.PAUSED)) & _subscription.failing_since.is_(None)
_COUNTS = select(
    _subscription.state,
    _subscription.pause_reason,
    func.count().label("all"),
    func.sum(case((_subscription.failing_since.is_not(None), 1), else_=0)).label("failing"),
).group_by(_subscription.state, _subscription.pause_reason)
_OLDEST = (
    select(EVENT.c.appended_at)
    .where(EVENT.c.sequence > select(func.min(_subscription.delivered)).where(_works).scalar_subquery())
    .order_by(EVENT.c.sequence)
    .limit(1)
)
_HELD = select(
    func.count().label("all"),
    func.coalesce(func.sum(case((EVENT_HELD.c.retry_at.is_(None), 1), else_=0)), 0).label("parked"),
).select_from(EVENT_HELD)


@dataclass(frozen=True)
class Census:
    """The counts of all subscriptions."""

    subscriptions: Mapping[tuple[str, str], int]
    """By state and, if it is paused, the reason."""
    failing: int
    """Subscriptions that are not paused, and whose consumer does not work."""
    undelivered_since: datetime | None
    """When the oldest event was appended that a subscription has not got over which is neither paused nor failing."""
    held: int
    """Orders that are held, with those that are parked."""
    parked: int


class SubscriptionCensus:
    """Counts subscriptions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self) -> Census:
        """Return the counts.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            counts = (await connection.execute(_COUNTS)).all()
            oldest = (await connection.execute(_OLDEST)).scalar()
            held = (await connection.execute(_HELD)).one()
        failing = sum(int(row.failing) for row in counts if row.state != SubscriptionState.PAUSED)
        subscriptions = {(row.state, row.pause_reason or ""): row.all for row in counts}
        return Census(subscriptions, failing, oldest, held.all, int(held.parked))
