"""Counts orders by status, and measures how long they have waited. For monitoring."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    Subquery,
    bindparam,
    func,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.order_status.view import Need, Summary
from domain.orders import OrderStatus
from stores.common.database import Database
from stores.order_status.counts import COMPLETE
from stores.order_status.outbox import waiting_since
from stores.order_status.tables import FEED_POSITION, ORDER_COUNT, ORDER_STATUS

_FINAL = [status.value for status in OrderStatus if status.final]


class _Cells(NamedTuple):
    """Columns with the cells of the counts: `Cell`."""

    region: ColumnElement[str]
    status: ColumnElement[str]
    reason: ColumnElement[str]


_KEPT = _Cells(ORDER_COUNT.c.region, ORDER_COUNT.c.status, ORDER_COUNT.c.reason)
_ROWS = _Cells(
    func.coalesce(ORDER_STATUS.c.region, "").label("region"),
    ORDER_STATUS.c.status,
    ORDER_STATUS.c.attention_reason.label("reason"),
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
    uncopied_since: datetime | None = None
    """When the oldest event was written that has not been copied from the outbox."""


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
            summary, unprojected_since = await summarized(connection)
            uncopied_since = await waiting_since(connection)
        needs = summary.attention_by_reason
        return Census(
            dict.fromkeys(OrderStatus, 0) | summary.by_status,
            summary.oldest_by_status,
            unprojected_since,
            {reason: need.orders for reason, need in needs.items()},
            {reason: need.unacknowledged_since for reason, need in needs.items() if need.unacknowledged_since},
            uncopied_since,
        )


async def summarized(connection: AsyncConnection, regions: Sequence[str] = ()) -> tuple[Summary, datetime | None]:
    """Return the summary of all regions or of some, and `Census.unprojected_since`.

    The counts say how many there are. An index has the oldest order of each count, so that no statement reads all
    orders that are open. While the counts are incomplete, all orders are counted, as the release before does.
    """
    summary, unprojected_since = Summary(), None
    limited, of_regions = bool(regions), {"of_regions": list(regions)} if regions else {}
    counted = (await connection.execute(_counted(limited=limited), of_regions)).all()
    kept = bool(counted[0].complete)
    if not kept:
        counted = (await connection.execute(_counted_now(limited=limited), of_regions)).all()
    for region, status, reason, orders, *_ in counted:
        if not orders:
            continue
        summary.total += orders
        summary.by_status[status] = summary.by_status.get(status, 0) + orders
        if region:
            of_region = summary.by_region.setdefault(region, {})
            of_region[status] = of_region.get(status, 0) + orders
        if reason:
            summary.attention += orders
            summary.attention_by_reason.setdefault(reason, Need()).orders += orders
    # Statuses and reasons are named, so that an index finds the few orders among all that have ended.
    of_open = {"of_open": [status for status in summary.by_status if not OrderStatus(status).final]}
    for status, version, placed in await connection.execute(_ages(kept=kept, limited=limited), of_regions | of_open):
        # A version is the time of the change in milliseconds, so it survives a rebuild of the view.
        changed = datetime.fromtimestamp(version / 1000, UTC) if version else None
        if oldest := _earliest(summary.oldest_by_status.get(status), changed, placed):
            summary.oldest_by_status[status] = oldest
        unprojected_since = _earliest(unprojected_since, placed)
    needs = summary.attention_by_reason
    of_needs = of_regions | {"of_reasons": list(needs)}
    for reason, since in await connection.execute(_unacknowledged(kept=kept, limited=limited), of_needs):
        needs[reason].unacknowledged_since = _earliest(needs[reason].unacknowledged_since, since)
    return summary, unprojected_since


@cache
def _counted(*, limited: bool) -> Select[Any]:
    """The counts, and whether they are complete: one statement, because an order may be stored between two."""
    some = _within(_KEPT.region, limited=limited)
    found = select(*_KEPT, ORDER_COUNT.c.orders, COMPLETE.label("complete"))
    return found.outerjoin_from(FEED_POSITION, ORDER_COUNT, some)


@cache
def _counted_now(*, limited: bool) -> Select[Any]:
    """The same, of all orders."""
    cells = [ORDER_STATUS.c[name] for name in ("region", "status", "attention_reason")]
    return select(*cells, func.count()).where(_within(cells[0], limited=limited)).group_by(*cells)


@cache
def _ages(*, kept: bool, limited: bool) -> CompoundSelect[Any]:
    """By status: the lowest version, and when the first order was placed of which there is only the initial row."""
    cells = _KEPT if kept else _ROWS
    some = _within(cells.region, limited=limited) & cells.status.in_(bindparam("of_open", expanding=True))

    def ages(of: Subquery, in_region: ColumnElement[bool]) -> Select[Any]:
        region, version, placed = ORDER_STATUS.c.region, ORDER_STATUS.c.version, ORDER_STATUS.c.updated_at
        in_cell = in_region & (ORDER_STATUS.c.status == of.c.status)
        return select(
            of.c.status,
            _first(of, in_cell & (version > 0), region, version),
            _first(of, in_cell & (version == 0), region, version, placed),
        )

    return _by_region(select(cells.region, cells.status).where(some).distinct().subquery(), ages)


@cache
def _unacknowledged(*, kept: bool, limited: bool) -> CompoundSelect[Any]:
    """By reason: since when the first unacknowledged order has needed a person."""
    cells = _KEPT if kept else _ROWS
    some = _within(cells.region, limited=limited) & cells.reason.in_(bindparam("of_reasons", expanding=True))

    def since(of: Subquery, in_region: ColumnElement[bool]) -> Select[Any]:
        region, acknowledged = ORDER_STATUS.c.region, ORDER_STATUS.c.acknowledged_at
        in_cell = in_region & (ORDER_STATUS.c.attention_reason == of.c.reason)
        first = _first(of, in_cell & acknowledged.is_(None), region, acknowledged, ORDER_STATUS.c.attention_since)
        return select(of.c.reason, first)

    return _by_region(select(cells.region, cells.reason).where(some).distinct().subquery(), since)


def _by_region(of: Subquery, of_cells: Callable[[Subquery, ColumnElement[bool]], Select[Any]]) -> CompoundSelect[Any]:
    """Return a statement over some cells. An index serves an equal region, or the lack of one, but not both."""
    return union_all(
        of_cells(of, ORDER_STATUS.c.region == of.c.region).where(of.c.region != ""),
        of_cells(of, ORDER_STATUS.c.region.is_(None)).where(of.c.region == ""),
    )


def _first(of: Subquery, where: ColumnElement[bool], *index: ColumnElement[Any]) -> ScalarSelect[Any]:
    """Return the first value of the last of these columns, in the order of an index that has them."""
    # Not `min`: MySQL would read all rows of the cell. PostgreSQL finds the index only if all columns are named.
    return select(index[-1]).where(where).order_by(*index).limit(1).correlate(of).scalar_subquery()


def _within(region: ColumnElement[Any], *, limited: bool) -> ColumnElement[bool]:
    return region.in_(bindparam("of_regions", expanding=True)) if limited else true()


def _earliest(*times: datetime | None) -> datetime | None:
    return min(filter(None, times), default=None)
