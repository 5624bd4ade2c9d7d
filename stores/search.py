"""Looks for somebody who can come, as early as possible, without taking it from those who go first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, false, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders import Visit
from domain.visits import BookingRules
from stores.calendar import LONGEST_VISIT, Calendar
from stores.tables.management_center import BOOKING, DAY_OFF, ENGINEER
from stores.team import Bar, Team

_FIRST_LOOK = timedelta(days=7)

Look = tuple[Team, Sequence[Visit]]
"""Windows to be looked through, in order, and for whom."""


class Search:
    """In one transaction, in which the calendars stay as they are."""

    def __init__(self, connection: AsyncConnection, rules: BookingRules, now: datetime) -> None:
        self._connection = connection
        self._rules = rules
        self.earliest, self.latest = rules.bookable(now)
        """Between these begin the windows that can be booked now."""
        self._now = now
        self._calendars: dict[Team, Calendar] = {}

    def looks(self, team: Team, start: datetime | None) -> Iterator[Look]:
        """All that can be booked from a start on, the near future first: mostly it is enough."""
        first = max(start or self.earliest, self.earliest)
        near = min(first + _FIRST_LOOK, self.latest)
        yield team, list(self._rules.grid.windows(first, near))
        yield team, list(self._rules.grid.windows(near, self.latest))

    async def find(
        self, looks: Iterable[Look], bars: Sequence[Bar] = (), *, keep: str | None = None
    ) -> tuple[Any, Visit] | None:
        """The first window for which there is somebody, and who: a row of `ENGINEER`, with `that_day`."""
        for team, windows in looks:
            for part, some in team.stretches(windows, bars):
                calendar = await self.calendar(part)
                possible = [window for window in some if calendar.places(window)]
                # Mostly the first has a place: then nothing needs to be counted.
                if possible and (engineer := await self._choose(part, possible[0], keep)) is not None:
                    return engineer, possible[0]
                for slot in await calendar.free(possible[1:]):
                    if (engineer := await self._choose(part, slot.window, keep)) is not None:
                        return engineer, slot.window
        return None

    async def calendar(self, team: Team) -> Calendar:
        """Of the team, for all that can be booked now, or is booked."""
        if team not in self._calendars:
            read = Calendar.read(self._connection, team, self._rules, self._now, self.latest + LONGEST_VISIT)
            self._calendars[team] = await read
        return self._calendars[team]

    async def _choose(self, team: Team, window: Visit, keep: str | None) -> Any:
        """Who of the team has the window; None: nobody has a place in it.

        The one to be kept, where they have a place; else the one with the fewest visits that day, and of several the
        first by id.
        """
        day = self._rules.grid.day_of(window.start)
        begins, ends = self._rules.grid.minutes_of(window)
        of_engineer = BOOKING.c.engineer_id == ENGINEER.c.engineer_id
        same = and_(BOOKING.c.visit_start == window.start, BOOKING.c.visit_end == window.end)
        across = and_(
            BOOKING.c.visit_start > window.start - LONGEST_VISIT,
            BOOKING.c.visit_start < window.end,
            BOOKING.c.visit_end > window.start,
            not_(same),
        )
        standing = select(func.count()).where(of_engineer, BOOKING.c.stranded == false())
        that_day = standing.where(BOOKING.c.day == day).scalar_subquery()
        off = select(DAY_OFF.c.day_off_id).where(
            or_(DAY_OFF.c.engineer_id == ENGINEER.c.engineer_id, DAY_OFF.c.region == ENGINEER.c.region),
            DAY_OFF.c.last_day >= day,
            DAY_OFF.c.first_day <= day,
        )
        places = func.coalesce(ENGINEER.c.visits_per_window, self._rules.visits_per_window)
        found = (
            select(ENGINEER, that_day.label("that_day"))
            .where(
                *team.conditions(),
                ENGINEER.c.working_days.bitwise_and(1 << day.weekday()) != 0,
                ENGINEER.c.works_from <= begins,
                ENGINEER.c.works_until >= ends,
                not_(off.exists()),
                standing.where(same).scalar_subquery() < places,
                not_(standing.with_only_columns(BOOKING.c.order_id).where(across).exists()),
            )
            .order_by(ENGINEER.c.engineer_id != (keep or ""), that_day, ENGINEER.c.engineer_id)
            .limit(1)
        )
        return (await self._connection.execute(found)).one_or_none()
