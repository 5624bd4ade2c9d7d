"""When engineers work, and how much capacity each window has left. Regions are counted in SQL, not row by row."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, false, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.staff import Slot
from domain.management_center.working_time import NOBODY, Demand, Hours
from domain.visits import BookingRules, TimeWindow
from stores.management_center.candidates import STATEMENTS, CandidatePool, QueryShape, members
from stores.management_center.roster import HOURS, Roster
from stores.management_center.tables import BOOKING, ENGINEER

LONGEST_VISIT = timedelta(days=1)
_WITH_ENGINEER = BOOKING.join(ENGINEER, ENGINEER.c.engineer_id == BOOKING.c.engineer_id)
_BOOKINGS = select(BOOKING.c.engineer_id, BOOKING.c.visit_start, BOOKING.c.visit_end, *HOURS).select_from(
    _WITH_ENGINEER
)


@dataclass
class Calendar:
    """The capacity of a pool of engineers over a span of days."""

    connection: AsyncConnection
    pool: CandidatePool
    rules: BookingRules
    roster: Roster
    engineers: list[tuple[Hours, int]] = field(default_factory=list)
    """Distinct working hours, each with the number of engineers in the pool who have them."""

    @classmethod
    async def read(
        cls, connection: AsyncConnection, pool: CandidatePool, rules: BookingRules, first: datetime, last: datetime
    ) -> "Calendar":
        """Read the calendar for windows that begin between two points in time."""
        calendar = cls(connection, pool, rules, Roster(rules))
        alike = await connection.execute(_alike(pool.shape), pool.parameters)
        calendar.engineers = [(calendar.roster.hours(*hours), number) for number, *hours in alike]
        if calendar.engineers:
            span = rules.grid.day_of(first), rules.grid.day_of(last)
            calendar.roster = await Roster.of_pool(connection, pool, rules, *span)
        return calendar

    def demand(self, window: TimeWindow) -> Demand:
        """Return what it takes to work in the window, but for the engineers in `exceptional`."""
        return self.roster.demand(window, self.pool.region)

    def exceptional(self, window: TimeWindow) -> dict[str, tuple[Hours, bool]]:
        """Return the engineers with exceptions of their own that day: their hours, and whether they work then."""
        return self.roster.exceptional(window, self.pool.region)

    def capacity(self, window: TimeWindow) -> int:
        """Return how many visits the pool could make in the window if none were booked."""
        demand = self.demand(window)
        capacity = sum(number * hours.visits_per_window for hours, number in self.engineers if demand.is_met_by(hours))
        for hours, works in self.exceptional(window).values():
            capacity += (works - demand.is_met_by(hours)) * hours.visits_per_window
        return capacity

    async def free(self, windows: Sequence[TimeWindow]) -> list[Slot]:
        """Return the windows that have capacity left. `windows` must be in order."""
        left = {(window.start, window.end): self.capacity(window) for window in windows}
        if not any(left.values()):
            return []
        span = self.pool.parameters | {"after": windows[0].start - LONGEST_VISIT, "before": windows[-1].end}
        usual, least = self.rules.visits_per_window, min(hours.visits_per_window for hours, _ in self.engineers)
        irregular: list[datetime] = []
        on_holidays: list[datetime] = []
        overbooked = False
        for start, end, number, seat in await self.connection.execute(_counted(self.pool.shape, self.pool.whole), span):
            if left.get((start, end), 0) > 0 and self.rules.grid.day_of(start) in self.rules.holidays:
                on_holidays.append(start)
            if (start, end) in left:
                left[start, end] -= number
            elif any(window.start < end and start < window.end for window in windows):
                irregular.append(start)
            overbooked = overbooked or seat >= least
        corrected: set[str] = set()
        if irregular or overbooked:
            statement = _irregular_bookings(self.pool.shape, self.pool.whole)
            found = await self.connection.execute(statement, {**span, "irregular": irregular, "usual": usual})
            corrected = self._count_one_by_one(windows, left, found)
        if on_holidays:
            statement = _earlier_bookings(self.pool.shape, self.pool.whole)
            for engineer_id, start, end, *hours in await self.connection.execute(
                statement, {**span, "on_holidays": on_holidays}
            ):
                works = self.works(engineer_id, self.roster.hours(*hours), TimeWindow(start, end))
                left[start, end] += not works and engineer_id not in corrected
        return [Slot(window, number) for window in windows if (number := left[window.start, window.end]) > 0]

    def _count_one_by_one(
        self, windows: Sequence[TimeWindow], left: dict[tuple[datetime, datetime], int], bookings: Iterable[Any]
    ) -> set[str]:
        """Correct the count for engineers who have a visit across several windows, or more visits than they offer.

        Returns:
            These engineers.
        """
        booked: dict[tuple[str, Hours], list[tuple[datetime, datetime]]] = defaultdict(list)
        for engineer_id, start, end, *hours in bookings:
            booked[engineer_id, self.roster.hours(*hours)].append((start, end))
        for (engineer_id, own_hours), visits in booked.items():
            for window in windows:
                own = window.start, window.end
                taken = visits.count(own)
                works = self.works(engineer_id, own_hours, window)
                counted = works * own_hours.visits_per_window - taken
                across = any(start < window.end and window.start < end for start, end in visits if (start, end) != own)
                left[own] += (max(counted, 0) if works and not across else 0) - counted
        return {engineer_id for engineer_id, _ in booked}

    def works(self, engineer_id: str, hours: Hours, window: TimeWindow) -> bool:
        """Return whether an engineer of the pool works in the window."""
        return self.roster.demand(window, self.pool.region, engineer_id).is_met_by(hours)

    def is_off(self, engineer_id: str, window: TimeWindow) -> bool:
        """Return whether an engineer of the pool, or the whole region, has a day off in a part of the window."""
        return self.roster.demand(window, self.pool.region, engineer_id) == NOBODY


@lru_cache(maxsize=STATEMENTS)
def _alike(shape: QueryShape) -> Select[Any]:
    """Count the engineers of a pool by their working hours."""
    return select(func.count(), *HOURS).where(*members(shape)).group_by(*HOURS)


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
    too_many = BOOKING.c.seat >= func.coalesce(ENGINEER.c.visits_per_window, bindparam("usual"))
    irregular = or_(too_many, BOOKING.c.visit_start.in_(bindparam("irregular", expanding=True)))
    engineers = select(BOOKING.c.engineer_id).select_from(_WITH_ENGINEER).where(*_booked(shape, whole), irregular)
    return _BOOKINGS.select_from(_WITH_ENGINEER).where(*_booked(shape, whole), BOOKING.c.engineer_id.in_(engineers))


@lru_cache(maxsize=STATEMENTS)
def _earlier_bookings(shape: QueryShape, whole: bool) -> Select[Any]:
    """Select the bookings on some holidays that were made before these were holidays.

    They take a place only of engineers who have an extra shift then.
    """
    then = BOOKING.c.visit_start.in_(bindparam("on_holidays", expanding=True)), BOOKING.c.on_holiday.is_not(true())
    return _BOOKINGS.select_from(_WITH_ENGINEER).where(*_booked(shape, whole), *then)
