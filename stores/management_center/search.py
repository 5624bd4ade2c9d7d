"""Finds the earliest visit that an engineer can make, without taking capacity from orders that go first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BindParameter, Select, and_, bindparam, case, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.working_time import ANY_DAY
from domain.visits import BookingRules, TimeWindow
from stores.management_center.availability import LONGEST_VISIT, Calendar
from stores.management_center.candidates import STATEMENTS, CandidatePool, PriorityHold, QueryShape, members
from stores.management_center.tables import BOOKING, ENGINEER

_FIRST_LOOK = timedelta(days=7)
_TOO_MANY = 1000
"""Capacity that a visit takes which overlaps a window only in part: all of it."""

Look = tuple[CandidatePool, Sequence[TimeWindow]]
"""A pool of engineers, and the windows to search for it, in order."""


class Search:
    """Searches in one transaction, in which the calendars do not change."""

    def __init__(self, connection: AsyncConnection, rules: BookingRules, now: datetime) -> None:
        self._connection = connection
        self._rules = rules
        self.earliest, self.latest = rules.bookable(now)
        """Windows that can be booked now begin between these."""
        self._now = now
        self._calendars: dict[CandidatePool, Calendar] = {}

    def looks(self, pool: CandidatePool, start: datetime | None) -> Iterator[Look]:
        """Yield all bookable windows from `start` on, the near future first, which is mostly enough."""
        first = max(start or self.earliest, self.earliest)
        near = min(first + _FIRST_LOOK, self.latest)
        yield pool, list(self._rules.grid.windows(first, near))
        yield pool, list(self._rules.grid.windows(near, self.latest))

    async def find(
        self, looks: Iterable[Look], holds: Sequence[PriorityHold] = (), *, keep: str | None = None
    ) -> tuple[Any, TimeWindow] | None:
        """Return the first window that has an engineer, and the engineer: a row of `ENGINEER`, with `that_day`."""
        for pool, windows in looks:
            for part, some in pool.split_by_holds(windows, holds):
                calendar = await self.calendar(part)
                # Mostly the first window in which somebody works has capacity left. Then nothing needs to be counted.
                first = next((index for index, window in enumerate(some) if calendar.capacity(window)), len(some))
                for window in some[first : first + 1]:
                    if (engineer := await self._choose(calendar, window, keep)) is not None:
                        return engineer, window
                for slot in await calendar.free(some[first + 1 :]):
                    if (engineer := await self._choose(calendar, slot.window, keep)) is not None:
                        return engineer, slot.window
        return None

    async def calendar(self, pool: CandidatePool) -> Calendar:
        """Return the pool's calendar for every window that can be booked now, or is booked."""
        if pool not in self._calendars:
            read = Calendar.read(self._connection, pool, self._rules, self._now, self.latest + LONGEST_VISIT)
            self._calendars[pool] = await read
        return self._calendars[pool]

    async def _choose(self, calendar: Calendar, window: TimeWindow, keep: str | None) -> Any:
        """Return the engineer of a calendar for a window, or None if nobody has capacity left in it.

        The engineer `keep` is preferred. Otherwise it is the one with the fewest visits that day; of several, the
        first by id.
        """
        days, begins, ends = calendar.demand(window)
        exceptional = calendar.exceptional(window)
        then: dict[str, Any] = {
            "day": self._rules.grid.day_of(window.start),
            "days": days,
            "begins": begins,
            "ends": ends,
            "start": window.start,
            "end": window.end,
            "after": window.start - LONGEST_VISIT,
            "usual": self._rules.visits_per_window,
            "keep": keep or "",
        }
        if exceptional:
            at_work = [engineer_id for engineer_id, (_, works) in exceptional.items() if works]
            then |= {"exceptional": list(exceptional), "at_work": at_work}
        choice = _choice(calendar.pool.shape, bool(exceptional))
        return (await self._connection.execute(choice, calendar.pool.parameters | then)).one_or_none()


@lru_cache(maxsize=STATEMENTS)
def _choice(shape: QueryShape, exceptional: bool) -> Select[Any]:
    day: BindParameter[Any] = bindparam("day")
    start: BindParameter[Any] = bindparam("start")
    end: BindParameter[Any] = bindparam("end")
    # Not `= false`: SQLite would then scan all bookings of the window, once for each engineer.
    standing = BOOKING.c.engineer_id == ENGINEER.c.engineer_id, BOOKING.c.stranded.is_not(true())
    same = and_(BOOKING.c.visit_start == start, BOOKING.c.visit_end == end)
    taken = select(func.coalesce(func.sum(case((same, 1), else_=_TOO_MANY)), 0)).where(
        *standing,
        BOOKING.c.visit_start > bindparam("after"),
        BOOKING.c.visit_start < end,
        BOOKING.c.visit_end > start,
    )
    that_day = select(func.count()).where(*standing, BOOKING.c.day == day).scalar_subquery().label("that_day")
    works = and_(
        ENGINEER.c.working_days.bitwise_or(ANY_DAY).bitwise_and(bindparam("days")) != 0,
        ENGINEER.c.works_from <= bindparam("begins"),
        ENGINEER.c.works_until >= bindparam("ends"),
    )
    if exceptional:
        usual = ENGINEER.c.engineer_id.not_in(bindparam("exceptional", expanding=True))
        works = or_(and_(usual, works), ENGINEER.c.engineer_id.in_(bindparam("at_work", expanding=True)))
    return (
        select(ENGINEER, that_day)
        .where(
            *members(shape),
            works,
            taken.scalar_subquery() < func.coalesce(ENGINEER.c.visits_per_window, bindparam("usual")),
        )
        .order_by(ENGINEER.c.engineer_id != bindparam("keep"), that_day, ENGINEER.c.engineer_id)
        .limit(1)
    )
