"""Counts orders by status, and measures how long they have waited. For monitoring."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order_status.view import Need
from domain.orders import OrderStatus
from stores.common.database import Database
from stores.order_status.tables import ORDER_STATUS

_FINAL = [status.value for status in OrderStatus if status.final]
_COUNTS = select(ORDER_STATUS.c.status, func.count().label("orders")).group_by(ORDER_STATUS.c.status)
_projected = ORDER_STATUS.c.version > 0
_AGES = (
    select(
        ORDER_STATUS.c.status,
        func.min(case((_projected, ORDER_STATUS.c.version))),
        func.min(case((~_projected, ORDER_STATUS.c.updated_at))),
    )
    .where(ORDER_STATUS.c.status.in_(bindparam("open", expanding=True)))
    .group_by(ORDER_STATUS.c.status)
)
_ATTENTION = (
    select(
        ORDER_STATUS.c.attention_reason,
        func.count(),
        func.min(case((ORDER_STATUS.c.acknowledged_at.is_(None), ORDER_STATUS.c.attention_since))),
    )
    .where(ORDER_STATUS.c.needs_person)
    .group_by(ORDER_STATUS.c.attention_reason)
)

_OPEN_OF = (
    select(ORDER_STATUS.c.order_id)
    .where(ORDER_STATUS.c.customer_id == bindparam("of_customer"), ORDER_STATUS.c.status.not_in(_FINAL))
    .limit(bindparam("at_most"))
)


@dataclass
class Census:
    """The counts of all orders of the read model."""

    by_status: dict[str, int] = field(default_factory=dict)
    unchanged_since: dict[str, datetime] = field(default_factory=dict)
    """By status of open orders: the last change of the order that has been unchanged the longest."""
    unprojected_since: datetime | None = None
    """When the oldest order was placed whose row is still the initial one, without a projection by its saga."""
    attention: dict[str, int] = field(default_factory=dict)
    """Orders that need a person, by reason."""
    unacknowledged_since: dict[str, datetime] = field(default_factory=dict)
    """By reason: since when the oldest unacknowledged order has needed a person."""


class OrderCensus:
    """Counts the orders of the read model."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_of(self, customer_id: str, at_most: int) -> Sequence[str]:
        """Return the ids of a customer's open orders, at most `at_most` of them.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            found = await connection.execute(_OPEN_OF, {"of_customer": customer_id, "at_most": at_most})
            return found.scalars().all()

    async def take(self) -> Census:
        """Count the orders.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        async with self._database.reading() as connection:
            counts = (await connection.execute(_COUNTS)).all()
            unchanged_since, unprojected_since = await ages(connection, [row.status for row in counts])
            needs = await attention(connection)
        return Census(
            dict.fromkeys(OrderStatus, 0) | {row.status: row.orders for row in counts},
            unchanged_since,
            unprojected_since,
            {reason: need.orders for reason, need in needs.items()},
            {reason: need.unacknowledged_since for reason, need in needs.items() if need.unacknowledged_since},
        )


async def ages(
    connection: AsyncConnection, statuses: Iterable[str], regions: Sequence[str] = ()
) -> tuple[dict[str, datetime], datetime | None]:
    """Return `Census.unchanged_since` and `unprojected_since`, of all regions or of some."""
    # The statuses are named, so that an index finds the few open orders among all that have ended.
    found_open = [status for status in statuses if not OrderStatus(status).final]
    unchanged_since, unprojected_since = {}, None
    for status, version, placed in await connection.execute(_within(_AGES, regions), {"open": found_open}):
        # A version is the time of the change in milliseconds, so it survives a rebuild of the view.
        changed = datetime.fromtimestamp(version / 1000, UTC) if version else None
        unchanged_since[status] = min(filter(None, (changed, placed)))
        if placed is not None:
            unprojected_since = min(filter(None, (unprojected_since, placed)))
    return unchanged_since, unprojected_since


async def attention(connection: AsyncConnection, regions: Sequence[str] = ()) -> dict[str, Need]:
    """Return the orders that need a person, by reason, of all regions or of some."""
    rows = (await connection.execute(_within(_ATTENTION, regions))).all()
    return {reason: Need(orders, since) for reason, orders, since in rows}


def _within(statement: Select[Any], regions: Sequence[str]) -> Select[Any]:
    return statement.where(ORDER_STATUS.c.region.in_(regions)) if regions else statement
