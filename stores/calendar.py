"""When engineers work, and in which windows they have places left. Whole regions are counted, not gone through."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, String, false, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Visit
from domain.staff import Slot
from domain.visits import BookingRules
from stores.tables.management_center import BOOKING, DAY_OFF, ENGINEER
from stores.team import Team

LONGEST_VISIT = timedelta(days=1)
_HOURS = (ENGINEER.c.working_days, ENGINEER.c.works_from, ENGINEER.c.works_until, ENGINEER.c.visits_per_window)


class Hours(NamedTuple):
    """The week of an engineer, as `ENGINEER` has it."""

    working_days: int
    works_from: int
    works_until: int
    visits_per_window: int

    def contain(self, weekday: int, begins: int, ends: int) -> bool:
        """Whether they work then: on a day of the week, in minutes of the day."""
        return bool(self.working_days >> weekday & 1) and self.works_from <= begins and ends <= self.works_until


@dataclass
class Calendar:
    """What a team can do from one day to another."""

    connection: AsyncConnection
    team: Team
    rules: BookingRules
    engineers: list[tuple[Hours, int]] = field(default_factory=list)
    """How many of the team have these hours."""
    off: dict[date, dict[str, Hours]] = field(default_factory=lambda: defaultdict(dict))
    """Who of the team does not work on a day."""
    holidays: set[date] = field(default_factory=set)

    @classmethod
    async def read(
        cls, connection: AsyncConnection, team: Team, rules: BookingRules, first: datetime, last: datetime
    ) -> "Calendar":
        """For windows that begin between these two points in time."""
        calendar = cls(connection, team, rules)
        of_team = team.conditions()
        alike = select(*_HOURS, func.count()).where(*of_team).group_by(*_HOURS)
        calendar.engineers = [(calendar._hours(*row[:4]), row[4]) for row in await connection.execute(alike)]
        if calendar.engineers:
            await calendar._read_days_off(of_team, rules.grid.day_of(first), rules.grid.day_of(last))
        return calendar

    async def _read_days_off(self, of_team: list[ColumnElement[bool]], first: date, last: date) -> None:
        then = DAY_OFF.c.last_day >= first, DAY_OFF.c.first_day <= last
        days = DAY_OFF.c.first_day, DAY_OFF.c.last_day
        own = select(*days, ENGINEER.c.engineer_id, *_HOURS).join(
            ENGINEER, ENGINEER.c.engineer_id == DAY_OFF.c.engineer_id
        )
        everybodys = select(*days, literal("", String), *(literal(0) for _ in _HOURS))
        found = union_all(own.where(*of_team, *then), everybodys.where(DAY_OFF.c.region == self.team.region, *then))
        for first_day, last_day, engineer_id, *hours in await self.connection.execute(found):
            day = max(first_day, first)
            while day <= min(last_day, last):
                if engineer_id:
                    self.off[day][engineer_id] = self._hours(*hours)
                else:
                    self.holidays.add(day)
                day += timedelta(days=1)

    def _hours(self, working_days: int, works_from: int, works_until: int, visits_per_window: int | None) -> Hours:
        return Hours(working_days, works_from, works_until, visits_per_window or self.rules.visits_per_window)

    def places(self, window: Visit) -> int:
        """How many visits the team could make in the window, if none were booked."""
        day = self.rules.grid.day_of(window.start)
        if day in self.holidays:
            return 0
        then = day.weekday(), *self.rules.grid.minutes_of(window)
        at_work = sum(number * hours.visits_per_window for hours, number in self.engineers if hours.contain(*then))
        away = self.off[day].values() if day in self.off else ()
        return at_work - sum(hours.visits_per_window for hours in away if hours.contain(*then))

    async def free(self, windows: Sequence[Visit]) -> list[Slot]:
        """Those of the windows, which are in order, in which there is a place left."""
        places = {(window.start, window.end): self.places(window) for window in windows}
        if not any(places.values()):
            return []
        booked = BOOKING.c.visit_start, BOOKING.c.visit_end
        span = self._span(windows)
        counted = select(*booked, func.count(), func.max(BOOKING.c.seat)).where(*span).group_by(*booked)
        least = min(hours.visits_per_window for hours, _ in self.engineers)
        odd: list[datetime] = []
        crowded = False
        for start, end, number, seat in await self.connection.execute(counted):
            if (start, end) in places:
                places[start, end] -= number
            elif any(window.start < end and start < window.end for window in windows):
                odd.append(start)
            crowded = crowded or seat >= least
        if odd or crowded:
            await self._count_one_by_one(windows, places, odd)
        return [Slot(window, number) for window in windows if (number := places[window.start, window.end]) > 0]

    def _span(self, windows: Sequence[Visit]) -> list[ColumnElement[bool]]:
        """The bookings of the team that may concern these windows."""
        members = select(ENGINEER.c.engineer_id).where(*self.team.conditions())
        return [
            BOOKING.c.region == self.team.region,
            BOOKING.c.stranded == false(),
            BOOKING.c.visit_start > windows[0].start - LONGEST_VISIT,
            BOOKING.c.visit_start < windows[-1].end,
            BOOKING.c.engineer_id.in_(members),
        ]

    async def _count_one_by_one(
        self, windows: Sequence[Visit], places: dict[tuple[datetime, datetime], int], odd: list[datetime]
    ) -> None:
        """Put right what has been counted of engineers who have a visit across windows, or more than they take."""
        usual = self.rules.visits_per_window
        span = self._span(windows)
        joined = BOOKING.join(ENGINEER, ENGINEER.c.engineer_id == BOOKING.c.engineer_id)
        too_many = BOOKING.c.seat >= func.coalesce(ENGINEER.c.visits_per_window, usual)
        concerned = (
            select(BOOKING.c.engineer_id)
            .select_from(joined)
            .where(*span, or_(too_many, BOOKING.c.visit_start.in_(odd)))
        )
        found = (
            select(BOOKING.c.engineer_id, BOOKING.c.visit_start, BOOKING.c.visit_end, *_HOURS)
            .select_from(joined)
            .where(*span, BOOKING.c.engineer_id.in_(concerned))
        )
        booked: dict[tuple[str, Hours], list[tuple[datetime, datetime]]] = defaultdict(list)
        for engineer_id, start, end, *hours in await self.connection.execute(found):
            booked[engineer_id, self._hours(*hours)].append((start, end))
        for (engineer_id, own_hours), visits in booked.items():
            for window in windows:
                own = window.start, window.end
                taken = visits.count(own)
                works = self._works(engineer_id, own_hours, window)
                counted = works * own_hours.visits_per_window - taken
                across = any(start < window.end and window.start < end for start, end in visits if (start, end) != own)
                places[own] += (max(counted, 0) if works and not across else 0) - counted

    def _works(self, engineer_id: str, hours: Hours, window: Visit) -> bool:
        day = self.rules.grid.day_of(window.start)
        away = day in self.holidays or (day in self.off and engineer_id in self.off[day])
        return not away and hours.contain(day.weekday(), *self.rules.grid.minutes_of(window))
