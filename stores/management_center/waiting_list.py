"""The waiting list (대기): orders for which no engineer was found, in each region in their order of arrival.

An order is ready when another try may find an engineer for it (`due_at` has come).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.assignments import AssignEngineer
from stores.common.columns import UtcDateTime
from stores.management_center.candidates import PriorityHold
from stores.management_center.tables import ASSIGNMENT, BOOKING, PRODUCT, WAITING

_HORIZON_MOVES_ON = timedelta(hours=1)
"""Time after which a refused order is tried again, because further windows can be booked by then."""

_now: BindParameter[datetime] = bindparam("now", type_=UtcDateTime)
_ahead = and_(
    WAITING.c.region == bindparam("of_region"),
    WAITING.c.ordered_at <= bindparam("taken_at"),
    or_(WAITING.c.ordered_at < bindparam("taken_at"), WAITING.c.order_id < bindparam("of_order")),
)
_ALIKE = (
    select(
        PRODUCT.c.skills,
        WAITING.c.passed_over,
        func.min(WAITING.c.wanted),
        func.count() - func.count(WAITING.c.wanted),
    )
    .select_from(WAITING.outerjoin(PRODUCT, PRODUCT.c.product_id == WAITING.c.product_id))
    .where(_ahead, or_(WAITING.c.enough == false(), WAITING.c.due_at <= _now))
    .group_by(PRODUCT.c.skills, WAITING.c.passed_over)
)
"""The needs of the orders before an order: the earliest wanted start, and how many orders take any time."""
_MAKE_READY = update(WAITING).where(or_(WAITING.c.due_at.is_(None), WAITING.c.due_at > _now)).values(due_at=_now)
_MAKE_EARLIER_READY = _MAKE_READY.where(_ahead, WAITING.c.enough == false())


def next_try(now: datetime, *, enough: bool) -> datetime | None:
    """Return when an order for which nothing was found is tried again. None: when capacity appears."""
    return None if enough else now + _HORIZON_MOVES_ON


async def put(
    connection: AsyncConnection, request: AssignEngineer, region: str | None, due_at: datetime | None
) -> None:
    """Put an order on the waiting list. Its position follows from the time at which it was placed."""
    row: dict[str, Any] = {
        "region": region,
        "ordered_at": request.ordered_at,
        "product_id": request.product_id,
        "passed_over": sorted(request.passed_over),
        "wanted": request.wanted,
        "enough": request.enough,
        "due_at": due_at,
    }
    if not (await connection.execute(update(WAITING).where(WAITING.c.order_id == request.order_id), row)).rowcount:
        await connection.execute(insert(WAITING), {"order_id": request.order_id, **row})


async def leave(connection: AsyncConnection, order_id: str) -> None:
    """Remove an order from the waiting list."""
    await connection.execute(delete(WAITING).where(WAITING.c.order_id == order_id))


async def capacity_appeared(connection: AsyncConnection, now: datetime, *regions: str) -> None:
    """Make the orders that wait in these regions ready."""
    await _make_ready(connection, now, WAITING.c.region.in_(regions))


async def booking_freed(connection: AsyncConnection, now: datetime, order_id: str) -> None:
    """Make the orders ready that wait in the region of an order's booking. Call it before the booking is removed.

    A window that has begun is of no use to them.
    """
    freed = BOOKING.c.order_id == order_id, BOOKING.c.visit_start > now
    region = select(BOOKING.c.region).where(*freed).scalar_subquery()
    await _make_ready(connection, now, WAITING.c.region == region)


async def needs_changed(connection: AsyncConnection, now: datetime) -> None:
    """Make the orders of every region ready, because products need other skills now."""
    await _make_ready(connection, now, WAITING.c.region.is_not(None))


async def areas_changed(connection: AsyncConnection, now: datetime) -> None:
    """Make the orders ready that wait without a service area."""
    await _make_ready(connection, now, WAITING.c.region.is_(None))


async def holds_before(
    connection: AsyncConnection, region: str, ordered_at: datetime, order_id: str, now: datetime, earliest: datetime
) -> list[PriorityHold]:
    """Return the holds of the orders that go before an order. No window begins before `earliest`."""
    of = {"of_region": region, "taken_at": ordered_at, "of_order": order_id, "now": now}
    holds = [
        PriorityHold(
            frozenset(skills or ()), frozenset(passed_over), earliest if some_any_time else max(since, earliest)
        )
        for skills, passed_over, since, some_any_time in await connection.execute(_ALIKE, of)
    ]
    kept: list[PriorityHold] = []
    for hold in sorted(holds, key=lambda hold: (hold.since, len(hold.skills) + len(hold.passed_over))):
        if not any(other.covers(hold) for other in kept):
            kept.append(hold)
    return kept


async def make_earlier_ready(
    connection: AsyncConnection, region: str, ordered_at: datetime, order_id: str, now: datetime
) -> bool:
    """Make the orders before an order ready, because they hold what it could take. Returns whether any was not."""
    of = {"of_region": region, "taken_at": ordered_at, "of_order": order_id, "now": now}
    return (await connection.execute(_MAKE_EARLIER_READY, of)).rowcount > 0


def not_postponed(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Return whether an order may be asked, by its row in `assignment`."""
    return or_(ASSIGNMENT.c.postponed_until.is_(None), ASSIGNMENT.c.postponed_until <= now)


def ready(now: datetime | BindParameter[datetime], put_off: Collection[str] = ()) -> Select[Any]:
    """Select the ready orders, in order of arrival, with the skills that they need."""
    return (
        select(WAITING, PRODUCT.c.skills)
        .select_from(WAITING.outerjoin(PRODUCT, PRODUCT.c.product_id == WAITING.c.product_id))
        .join(ASSIGNMENT, ASSIGNMENT.c.order_id == WAITING.c.order_id)
        .where(WAITING.c.due_at <= now, WAITING.c.order_id.not_in(put_off), not_postponed(now))
        .order_by(WAITING.c.ordered_at, WAITING.c.order_id)
    )


async def not_ready(connection: AsyncConnection, now: datetime, which: ColumnElement[bool]) -> None:
    """Make the selected orders wait for their next try, because this one found nothing."""
    for enough in (false(), true()):
        alike = which, WAITING.c.due_at <= now, WAITING.c.enough == enough
        later = next_try(now, enough=enough is true())
        await connection.execute(update(WAITING).where(*alike).values(due_at=later))


async def _make_ready(connection: AsyncConnection, now: datetime, which: ColumnElement[bool]) -> None:
    await connection.execute(_MAKE_READY.where(which), {"now": now})
