"""Looks for somebody who can come, as early as possible, without taking it from those who go first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.visits import BookingRules, TimeWindow
from stores.management_center.availability import LONGEST_VISIT, Calendar
from stores.management_center.candidates import STATEMENTS, CandidatePool, PriorityHold, QueryShape, members
from stores.management_center.tables import BOOKING, DAY_OFF, ENGINEER

_FIRST_LOOK = timedelta(days=7)
_TOO_MANY = 1000
"""What a visit that overlaps a window in part takes of its places: all."""

Look = tuple[CandidatePool, Sequence[TimeWindow]]
"""Windows to be looked through, in order, and for whom."""


class Search:
    """In one transaction, in which the calendars stay as they are."""

    def __init__(self, connection: AsyncConnection, rules: BookingRules, now: datetime) -> None:
        self._connection = connection
        self._rules = rules
        self.earliest, self.latest = rules.bookable(now)
        """Between these begin the windows that can be booked now."""
        self._now = now
        self._calendars: dict[CandidatePool, Calendar] = {}

    def looks(self, team: CandidatePool, start: datetime | None) -> Iterator[Look]:
        """All that can be booked from a start on, the near future first: mostly it is enough."""
        first = max(start or self.earliest, self.earliest)
        near = min(first + _FIRST_LOOK, self.latest)
        yield team, list(self._rules.grid.windows(first, near))
        yield team, list(self._rules.grid.windows(near, self.latest))

    async def find(
        self, looks: Iterable[Look], bars: Sequence[PriorityHold] = (), *, keep: str | None = None
    ) -> tuple[Any, TimeWindow] | None:
        """The first window for which there is somebody, and who: a row of `ENGINEER`, with `that_day`."""
        for team, windows in looks:
            for part, some in team.stretches(windows, bars):
                calendar = await self.calendar(part)
                # Mostly the first that is worked in has a place: then nothing needs to be counted.
                first = next((place for place, window in enumerate(some) if calendar.places(window)), len(some))
                for window in some[first : first + 1]:
                    if (engineer := await self._choose(part, window, keep)) is not None:
                        return engineer, window
                for slot in await calendar.free(some[first + 1 :]):
                    if (engineer := await self._choose(part, slot.window, keep)) is not None:
                        return engineer, slot.window
        return None

    async def calendar(self, team: CandidatePool) -> Calendar:
        """Of the team, for all that can be booked now, or is booked."""
        if team not in self._calendars:
            read = Calendar.read(self._connection, team, self._rules, self._now, self.latest + LONGEST_VISIT)
            self._calendars[team] = await read
        return self._calendars[team]

    async def _choose(self, team: CandidatePool, window: TimeWindow, keep: str | None) -> Any:
        """Who of the team has the window; None: nobody has a place in it.

        The one to be kept, where they have a place; else the one with the fewest visits that day, and of several the
        first by id.
        """
        day = self._rules.grid.day_of(window.start)
        begins, ends = self._rules.grid.minutes_of(window)
        then: dict[str, Any] = {
            "day": day,
            "day_of_week": 1 << day.weekday(),
            "begins": begins,
            "ends": ends,
            "start": window.start,
            "end": window.end,
            "after": window.start - LONGEST_VISIT,
            "usual": self._rules.visits_per_window,
            "keep": keep or "",
        }
        return (await self._connection.execute(_choice(team.shape), team.parameters | then)).one_or_none()


@lru_cache(maxsize=STATEMENTS)
def _choice(shape: QueryShape) -> Select[Any]:
    day: BindParameter[Any] = bindparam("day")
    start: BindParameter[Any] = bindparam("start")
    end: BindParameter[Any] = bindparam("end")
    # Not `= false`: SQLite would look for all that stand in the window, once for each engineer.
    standing = BOOKING.c.engineer_id == ENGINEER.c.engineer_id, BOOKING.c.stranded.is_not(true())
    same = and_(BOOKING.c.visit_start == start, BOOKING.c.visit_end == end)
    taken = select(func.coalesce(func.sum(case((same, 1), else_=_TOO_MANY)), 0)).where(
        *standing,
        BOOKING.c.visit_start > bindparam("after"),
        BOOKING.c.visit_start < end,
        BOOKING.c.visit_end > start,
    )
    that_day = select(func.count()).where(*standing, BOOKING.c.day == day).scalar_subquery().label("that_day")
    off = select(DAY_OFF.c.day_off_id).where(DAY_OFF.c.last_day >= day, DAY_OFF.c.first_day <= day)
    return (
        select(ENGINEER, that_day)
        .where(
            *members(shape),
            ENGINEER.c.working_days.bitwise_and(bindparam("day_of_week")) != 0,
            ENGINEER.c.works_from <= bindparam("begins"),
            ENGINEER.c.works_until >= bindparam("ends"),
            ~off.where(DAY_OFF.c.region == bindparam("team_region")).exists(),
            ~off.where(DAY_OFF.c.engineer_id == ENGINEER.c.engineer_id).exists(),
            taken.scalar_subquery() < func.coalesce(ENGINEER.c.visits_per_window, bindparam("usual")),
        )
        .order_by(ENGINEER.c.engineer_id != bindparam("keep"), that_day, ENGINEER.c.engineer_id)
        .limit(1)
    )
