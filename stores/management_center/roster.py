"""The roster (근무표): what holds on certain days beside the usual hours, and so who works in a window."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, String, Table, bindparam, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.working_time import WHOLE_DAY, Demand, Exceptions, Hours, Span, demand
from domain.visits import BookingRules, TimeWindow
from stores.management_center.candidates import STATEMENTS, CandidatePool, QueryShape, members
from stores.management_center.tables import DAY_OFF, ENGINEER, EXTRA_SHIFT

HOURS = (ENGINEER.c.working_days, ENGINEER.c.works_from, ENGINEER.c.works_until, ENGINEER.c.visits_per_window)
"""The columns of `Hours`."""
_REGIONAL = ""
"""Stands for the engineer in what belongs to a whole region."""


class Roster:
    """The days off, extra shifts and holidays of some engineers in a span of days."""

    def __init__(self, rules: BookingRules) -> None:
        self._rules = rules
        self._regional: dict[tuple[str, date], Exceptions] = defaultdict(Exceptions)
        self._own: dict[date, dict[str, Exceptions]] = defaultdict(lambda: defaultdict(Exceptions))
        self._hours: dict[str, Hours] = {}

    @classmethod
    async def of_pool(
        cls, connection: AsyncConnection, pool: CandidatePool, rules: BookingRules, first: date, last: date
    ) -> "Roster":
        """Read the roster of a pool of engineers."""
        found = await connection.execute(_of_pool(pool.shape), {**pool.parameters, "first": first, "last": last})
        return cls(rules)._with(found, first, last)

    @classmethod
    async def of_engineers(
        cls,
        connection: AsyncConnection,
        engineers: Iterable[str],
        regions: Iterable[str],
        rules: BookingRules,
        first: date,
        last: date,
    ) -> "Roster":
        """Read the roster of single engineers, active or not, in some regions."""
        whose = {"engineers": list(set(engineers)), "regions": list(set(regions))}
        found = await connection.execute(_OF_ENGINEERS, {**whose, "first": first, "last": last})
        return cls(rules)._with(found, first, last)

    def hours(self, working_days: int, works_from: int, works_until: int, visits_per_window: int | None) -> Hours:
        """Return the hours that the columns `HOURS` hold."""
        return Hours(working_days, works_from, works_until, visits_per_window or self._rules.visits_per_window)

    def demand(self, window: TimeWindow, region: str, engineer_id: str = _REGIONAL, *, holidays: bool = True) -> Demand:
        """Return what it takes to work in a window.

        Args:
            window: The window.
            region: The engineers' region.
            engineer_id: The engineer. By default, all who have no exceptions of their own on that day.
            holidays: Whether national holidays count.
        """
        day, span = self._place(window)
        return self._demand(day, span, region, self._own.get(day, {}).get(engineer_id), holidays)

    def exceptional(self, window: TimeWindow, region: str) -> dict[str, tuple[Hours, bool]]:
        """Return the engineers with exceptions of their own on the day: their hours, and whether they work then."""
        day, span = self._place(window)
        found = {}
        for engineer_id, own in self._own.get(day, {}).items():
            hours = self._hours[engineer_id]
            found[engineer_id] = hours, self._demand(day, span, region, own, holidays=True).is_met_by(hours)
        return found

    def _place(self, window: TimeWindow) -> tuple[date, Span]:
        return self._rules.grid.day_of(window.start), Span(*self._rules.grid.minutes_of(window))

    def _demand(self, day: date, span: Span, region: str, own: Exceptions | None, holidays: bool) -> Demand:
        known = filter(None, (self._regional.get((region, day)), own))
        return demand(span, day.weekday(), known, holiday=holidays and day in self._rules.holidays)

    def _with(self, rows: Iterable[Any], first: date, last: date) -> "Roster":
        for is_shift, first_day, last_day, hours_from, hours_until, region, engineer_id, *hours in rows:
            span = None if hours_from is None else Span(hours_from, hours_until)
            if engineer_id != _REGIONAL:
                self._hours[engineer_id] = self.hours(*hours)
            day = max(first_day, first)
            while day <= min(last_day, last):
                found = self._regional[region, day] if engineer_id == _REGIONAL else self._own[day][engineer_id]
                if is_shift:
                    found.shifts.append(span)
                else:
                    found.off.append(span or WHOLE_DAY)
                day += timedelta(days=1)
        return self


def _entries(
    engineers: Iterable[ColumnElement[bool]], of_region: Callable[[Table], ColumnElement[bool]]
) -> CompoundSelect[Any]:
    """Select the days off and extra shifts of engineers, with their hours, and those of regions."""
    found: list[Select[Any]] = []
    for table in (DAY_OFF, EXTRA_SHIFT):
        columns = table.c.first_day, table.c.last_day, table.c.hours_from, table.c.hours_until
        what = literal(table is EXTRA_SHIFT), *columns
        then = table.c.last_day >= bindparam("first"), table.c.first_day <= bindparam("last")
        own = select(*what, ENGINEER.c.region, ENGINEER.c.engineer_id, *HOURS)
        own = own.join(ENGINEER, ENGINEER.c.engineer_id == table.c.engineer_id)
        regional = select(*what, table.c.region, literal(_REGIONAL, String), *(literal(0) for _ in HOURS))
        found += (own.where(*engineers, *then), regional.where(of_region(table), *then))
    return union_all(*found)


@lru_cache(maxsize=STATEMENTS)
def _of_pool(shape: QueryShape) -> CompoundSelect[Any]:
    return _entries(members(shape), lambda table: table.c.region == bindparam("pool_region"))


_OF_ENGINEERS = _entries(
    [ENGINEER.c.engineer_id.in_(bindparam("engineers", expanding=True))],
    lambda table: table.c.region.in_(bindparam("regions", expanding=True)),
)
