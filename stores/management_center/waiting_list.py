"""The waiting list (대기): orders that nobody could be found for, in each region in their order of arrival."""

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
from stores.management_center.tables import BOOKING, PRODUCT, WAITING

_HORIZON_MOVES_ON = timedelta(hours=1)
"""After so long an order that has been refused is worth another try."""

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
"""What the orders before an order need; from when on, and how many of them at any time."""
_MAKE_DUE = update(WAITING).where(or_(WAITING.c.due_at.is_(None), WAITING.c.due_at > _now)).values(due_at=_now)
_GO_FIRST = _MAKE_DUE.where(_ahead, WAITING.c.enough == false())


def next_try(now: datetime, *, enough: bool) -> datetime | None:
    """When an order is due again for which nothing could be found; None: when capacity appears."""
    return None if enough else now + _HORIZON_MOVES_ON


async def put(
    connection: AsyncConnection, request: AssignEngineer, region: str | None, due_at: datetime | None
) -> None:
    """Have an order wait, in the place that it has by the time at which it was taken."""
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
    """The order waits no longer."""
    await connection.execute(delete(WAITING).where(WAITING.c.order_id == order_id))


async def capacity_appeared(connection: AsyncConnection, now: datetime, *regions: str) -> None:
    """Whoever waits in these regions is due."""
    await _due(connection, now, WAITING.c.region.in_(regions))


async def place_is_freed(connection: AsyncConnection, now: datetime, order_id: str) -> None:
    """Whoever waits in the region of an order's booking is due, for it is about to be freed."""
    region = select(BOOKING.c.region).where(BOOKING.c.order_id == order_id).scalar_subquery()
    await _due(connection, now, WAITING.c.region == region)


async def needs_changed(connection: AsyncConnection, now: datetime) -> None:
    """Products take other skills: whoever waits anywhere is due."""
    await _due(connection, now, WAITING.c.region.is_not(None))


async def areas_changed(connection: AsyncConnection, now: datetime) -> None:
    """Whoever waits for a service area is due."""
    await _due(connection, now, WAITING.c.region.is_(None))


async def bars_before(
    connection: AsyncConnection, region: str, ordered_at: datetime, order_id: str, now: datetime, earliest: datetime
) -> list[PriorityHold]:
    """What the orders that go before an order keep from it; no window begins before `earliest`."""
    of = {"of_region": region, "taken_at": ordered_at, "of_order": order_id, "now": now}
    bars = [
        PriorityHold(
            frozenset(skills or ()), frozenset(passed_over), earliest if some_any_time else max(since, earliest)
        )
        for skills, passed_over, since, some_any_time in await connection.execute(_ALIKE, of)
    ]
    kept: list[PriorityHold] = []
    for bar in sorted(bars, key=lambda bar: (bar.since, len(bar.skills) + len(bar.passed_over))):
        if not any(other.covers(bar) for other in kept):
            kept.append(bar)
    return kept


async def have_them_go_first(
    connection: AsyncConnection, region: str, ordered_at: datetime, order_id: str, now: datetime
) -> bool:
    """The orders before an order keep it from what is free, so they are due. Whether they were not before."""
    of = {"of_region": region, "taken_at": ordered_at, "of_order": order_id, "now": now}
    return (await connection.execute(_GO_FIRST, of)).rowcount > 0


def due(now: datetime, put_off: Collection[str]) -> Select[Any]:
    """Those who are due, in order of arrival, with the skills that they need."""
    return (
        select(WAITING, PRODUCT.c.skills)
        .select_from(WAITING.outerjoin(PRODUCT, PRODUCT.c.product_id == WAITING.c.product_id))
        .where(WAITING.c.due_at <= now, WAITING.c.order_id.not_in(put_off))
        .order_by(WAITING.c.ordered_at, WAITING.c.order_id)
    )


async def not_due(connection: AsyncConnection, now: datetime, which: ColumnElement[bool]) -> None:
    """These have to wait for another reason."""
    for enough in (false(), true()):
        alike = which, WAITING.c.due_at <= now, WAITING.c.enough == enough
        later = next_try(now, enough=enough is true())
        await connection.execute(update(WAITING).where(*alike).values(due_at=later))


async def _due(connection: AsyncConnection, now: datetime, which: ColumnElement[bool]) -> None:
    await connection.execute(_MAKE_DUE.where(which), {"now": now})
