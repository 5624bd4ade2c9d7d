"""When engineers work, and how much capacity each window has left. Regions are counted in SQL, not row by row."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    bindparam,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.staff import Slot
from domain.visits import BookingRules, TimeWindow
from stores.management_center.candidates import STATEMENTS, CandidatePool, QueryShape, members
from stores.management_center.tables import BOOKING, DAY_OFF, ENGINEER

LONGEST_VISIT = timedelta(days=1)
_HOURS = (ENGINEER.c.working_days, ENGINEER.c.works_from, ENGINEER.c.works_until, ENGINEER.c.visits_per_window)


class Hours(NamedTuple):
    """The working hours of an engineer, as the columns of `ENGINEER` hold them."""

    working_days: int
    works_from: int
    works_until: int
    visits_per_window: int

    def contain(self, weekday: int, begins: int, ends: int) -> bool:
        """Return whether the engineer works from `begins` to `ends` (minutes of the day) on a day of the week."""
        return bool(self.working_days >> weekday & 1) and self.works_from <= begins and ends <= self.works_until


@dataclass
class Calendar:
    """The capacity of a pool of engineers over a span of days."""

    connection: AsyncConnection
    pool: CandidatePool
    rules: BookingRules
    engineers: list[tuple[Hours, int]] = field(default_factory=list)
    """Distinct working hours, each with the number of engineers in the pool who have them."""
    off: dict[date, dict[str, Hours]] = field(default_factory=lambda: defaultdict(dict))
    """By day: the engineers of the pool who have a day off."""
    holidays: set[date] = field(default_factory=set)

    @classmethod
    async def read(
        cls, connection: AsyncConnection, pool: CandidatePool, rules: BookingRules, first: datetime, last: datetime
    ) -> "Calendar":
        """Read the calendar for windows that begin between two points in time."""
        calendar = cls(connection, pool, rules)
        alike = await connection.execute(_alike(pool.shape), pool.parameters)
        calendar.engineers = [(calendar._hours(*hours), number) for number, *hours in alike]
        if calendar.engineers:
            await calendar._read_days_off(rules.grid.day_of(first), rules.grid.day_of(last))
        return calendar

    async def _read_days_off(self, first: date, last: date) -> None:
        span = {"first": first, "last": last}
        found = await self.connection.execute(_days_off(self.pool.shape), {**self.pool.parameters, **span})
        for first_day, last_day, engineer_id, *hours in found:
            day = max(first_day, first)
            while day <= min(last_day, last):
                if engineer_id:
                    self.off[day][engineer_id] = self._hours(*hours)
                else:
                    self.holidays.add(day)
                day += timedelta(days=1)

    def _hours(self, working_days: int, works_from: int, works_until: int, visits_per_window: int | None) -> Hours:
        return Hours(working_days, works_from, works_until, visits_per_window or self.rules.visits_per_window)

    def capacity(self, window: TimeWindow) -> int:
        """Return how many visits the pool could make in the window if none were booked."""
        day = self.rules.grid.day_of(window.start)
        if day in self.holidays:
            return 0
        then = day.weekday(), *self.rules.grid.minutes_of(window)
        at_work = sum(number * hours.visits_per_window for hours, number in self.engineers if hours.contain(*then))
        away = self.off[day].values() if day in self.off else ()
        return at_work - sum(hours.visits_per_window for hours in away if hours.contain(*then))

    async def free(self, windows: Sequence[TimeWindow]) -> list[Slot]:
        """Return the windows that have capacity left. `windows` must be in order."""
        left = {(window.start, window.end): self.capacity(window) for window in windows}
        if not any(left.values()):
            return []
        span = self.pool.parameters | {"after": windows[0].start - LONGEST_VISIT, "before": windows[-1].end}
        usual, least = self.rules.visits_per_window, min(hours.visits_per_window for hours, _ in self.engineers)
        irregular: list[datetime] = []
        overbooked = False
        for start, end, number, seat in await self.connection.execute(_counted(self.pool.shape, self.pool.whole), span):
            if (start, end) in left:
                left[start, end] -= number
            elif any(window.start < end and start < window.end for window in windows):
                irregular.append(start)
            overbooked = overbooked or seat >= least
        if irregular or overbooked:
            await self._count_one_by_one(windows, left, {**span, "irregular": irregular, "usual": usual})
        return [Slot(window, number) for window in windows if (number := left[window.start, window.end]) > 0]

    async def _count_one_by_one(
        self, windows: Sequence[TimeWindow], left: dict[tuple[datetime, datetime], int], span: dict[str, Any]
    ) -> None:
        """Correct the count for engineers who have a visit across several windows, or more visits than they offer."""
        booked: dict[tuple[str, Hours], list[tuple[datetime, datetime]]] = defaultdict(list)
        for engineer_id, start, end, *hours in await self.connection.execute(
            _irregular_bookings(self.pool.shape, self.pool.whole), span
        ):
            booked[engineer_id, self._hours(*hours)].append((start, end))
        for (engineer_id, own_hours), visits in booked.items():
            for window in windows:
                own = window.start, window.end
                taken = visits.count(own)
                works = self._works(engineer_id, own_hours, window)
                counted = works * own_hours.visits_per_window - taken
                across = any(start < window.end and window.start < end for start, end in visits if (start, end) != own)
                left[own] += (max(counted, 0) if works and not across else 0) - counted

    def _works(self, engineer_id: str, hours: Hours, window: TimeWindow) -> bool:
        day = self.rules.grid.day_of(window.start)
        away = day in self.holidays or (day in self.off and engineer_id in self.off[day])
        return not away and hours.contain(day.weekday(), *self.rules.grid.minutes_of(window))


@lru_cache(maxsize=STATEMENTS)
def _alike(shape: QueryShape) -> Select[Any]:
    """Count the engineers of a pool by their working hours."""
    return select(func.count(), *_HOURS).where(*members(shape)).group_by(*_HOURS)


@lru_cache(maxsize=STATEMENTS)
def _days_off(shape: QueryShape) -> CompoundSelect[Any]:
    """Select the days off of a pool with the engineer's hours, and the region's holidays with an empty engineer id."""
    days = DAY_OFF.c.first_day, DAY_OFF.c.last_day
    then = DAY_OFF.c.last_day >= bindparam("first"), DAY_OFF.c.first_day <= bindparam("last")
    own = select(*days, ENGINEER.c.engineer_id, *_HOURS).join(ENGINEER, ENGINEER.c.engineer_id == DAY_OFF.c.engineer_id)
    holidays = select(*days, literal("", String), *(literal(0) for _ in _HOURS))
    of_region = DAY_OFF.c.region == bindparam("pool_region")
    return union_all(own.where(*members(shape), *then), holidays.where(of_region, *then))


@lru_cache(maxsize=STATEMENTS)
def _booked(shape: QueryShape, whole: bool) -> list[ColumnElement[bool]]:
    """Return the conditions for the bookings of a pool in a span of time."""
    found = [
        BOOKING.c.region == bindparam("pool_region"),
        BOOKING.c.stranded == false(),
        BOOKING.c.visit_start > bindparam("after"),
        BOOKING.c.visit_start < bindparam("before"),
    ]
    if not whole:
        found.append(BOOKING.c.engineer_id.in_(select(ENGINEER.c.engineer_id).where(*members(shape))))
    return found


@lru_cache(maxsize=STATEMENTS)
def _counted(shape: QueryShape, whole: bool) -> Select[Any]:
    """Count the bookings by their window."""
    when = BOOKING.c.visit_start, BOOKING.c.visit_end
    return select(*when, func.count(), func.max(BOOKING.c.seat)).where(*_booked(shape, whole)).group_by(*when)


@lru_cache(maxsize=STATEMENTS)
def _irregular_bookings(shape: QueryShape, whole: bool) -> Select[Any]:
    """Select all bookings of the engineers who have an irregular one.

    A booking is irregular if its window is not one of the grid's, or its seat is beyond what the engineer offers now.
    """
    joined = BOOKING.join(ENGINEER, ENGINEER.c.engineer_id == BOOKING.c.engineer_id)
    too_many = BOOKING.c.seat >= func.coalesce(ENGINEER.c.visits_per_window, bindparam("usual"))
    irregular = or_(too_many, BOOKING.c.visit_start.in_(bindparam("irregular", expanding=True)))
    engineers = select(BOOKING.c.engineer_id).select_from(joined).where(*_booked(shape, whole), irregular)
    found = select(BOOKING.c.engineer_id, BOOKING.c.visit_start, BOOKING.c.visit_end, *_HOURS).select_from(joined)
    return found.where(*_booked(shape, whole), BOOKING.c.engineer_id.in_(engineers))
