"""Booked visits, each with one engineer in one window. A visit is uncovered if its engineer no longer works then."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.visits import BookingRules, TimeWindow
from stores.management_center.roster import HOURS, Roster
from stores.management_center.tables import BOOKING, ENGINEER, ENGINEER_SKILL

_AT_ONCE = 500
_SEATS = select(BOOKING.c.seat).where(
    BOOKING.c.engineer_id == bindparam("of_engineer"), BOOKING.c.visit_start == bindparam("at")
)
_UNBOOK = delete(BOOKING).where(BOOKING.c.order_id == bindparam("of_order"))
_SKILLS = select(ENGINEER_SKILL).where(ENGINEER_SKILL.c.engineer_id.in_(bindparam("engineers", expanding=True)))
_there = and_(ENGINEER.c.active, ENGINEER.c.retired_at.is_(None), ENGINEER.c.region == BOOKING.c.region)
_TO_CHECK = select(BOOKING, *HOURS, _there.label("there")).join_from(
    BOOKING, ENGINEER, ENGINEER.c.engineer_id == BOOKING.c.engineer_id
)


async def book(
    connection: AsyncConnection,
    order_id: str,
    engineer: Any,
    window: TimeWindow,
    skills: Sequence[str],
    rules: BookingRules,
) -> None:
    """Book a visit with an engineer who has capacity left in the window.

    Raises:
        IntegrityError: another transaction has booked the same seat.
    """
    day = rules.grid.day_of(window.start)
    taken = set(await connection.scalars(_SEATS, {"of_engineer": engineer.engineer_id, "at": window.start}))
    booking = {
        "order_id": order_id,
        "engineer_id": engineer.engineer_id,
        "visit_start": window.start,
        "visit_end": window.end,
        "seat": next(seat for seat in range(len(taken) + 1) if seat not in taken),
        "day": day,
        "region": engineer.region,
        "skills": sorted(skills),
        "stranded": False,
        "on_holiday": day in rules.holidays,
    }
    await connection.execute(insert(BOOKING), booking)


async def book_again(connection: AsyncConnection, booking: Any) -> None:
    """Restore a booking that `unbook` has removed."""
    await connection.execute(insert(BOOKING), dict(booking._mapping))


async def unbook(connection: AsyncConnection, order_id: str) -> bool:
    """Remove the booking of an order. Returns whether it had one."""
    return (await connection.execute(_UNBOOK, {"of_order": order_id})).rowcount > 0


async def skills_of(connection: AsyncConnection, engineers: Sequence[str]) -> dict[str, list[str]]:
    """Return the skills of engineers, sorted, by engineer id."""
    found = defaultdict(list)
    for engineer_id, skill in await connection.execute(_SKILLS, {"engineers": engineers}):
        found[engineer_id].append(skill)
    return {engineer_id: sorted(skills) for engineer_id, skills in found.items()}


async def mark_uncovered(
    connection: AsyncConnection, rules: BookingRules, now: datetime, *which: ColumnElement[bool]
) -> None:
    """Set or clear the mark of the selected bookings: whether their engineer no longer works then.

    A holiday takes nothing away: it counts only for a visit that was booked on it, which needs its extra shift.
    """
    rows = (await connection.execute(_TO_CHECK.where(BOOKING.c.visit_start > now, *which))).all()
    if not rows:
        return
    engineers, days = {row.engineer_id for row in rows}, {rules.grid.day_of(row.visit_start) for row in rows}
    roster = await Roster.of_engineers(connection, engineers, {row.region for row in rows}, rules, min(days), max(days))
    skilled = await skills_of(connection, list({row.engineer_id for row in rows if row.skills}))
    wrong: dict[bool, list[str]] = defaultdict(list)
    for row in rows:
        window = TimeWindow(row.visit_start, row.visit_end)
        hours = roster.hours(row.working_days, row.works_from, row.works_until, row.visits_per_window)
        demand = roster.demand(window, row.region, row.engineer_id, holidays=bool(row.on_holiday))
        works = demand.is_met_by(hours)
        able = set(row.skills) <= set(skilled.get(row.engineer_id, ()))
        uncovered = not (row.there and works and able)
        if uncovered != row.stranded:
            wrong[uncovered].append(row.order_id)
    for uncovered, orders in wrong.items():
        for first in range(0, len(orders), _AT_ONCE):
            some = BOOKING.c.order_id.in_(orders[first : first + _AT_ONCE])
            await connection.execute(update(BOOKING).where(some).values(stranded=uncovered))
