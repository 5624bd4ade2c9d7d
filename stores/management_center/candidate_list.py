"""The engineers whom a manager could send to an order's visit, and why the others cannot come."""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.management_center.candidates import Candidate, CandidateQuery, Candidates, Obstacle
from domain.visits import TimeWindow
from stores.management_center.availability import LONGEST_VISIT, Calendar
from stores.management_center.base import RegionLockedStore
from stores.management_center.bookings import skills_of
from stores.management_center.candidates import CandidatePool, members
from stores.management_center.search import Search
from stores.management_center.tables import BOOKING, ENGINEER, PRODUCT

_NEEDED = select(PRODUCT.c.skills).where(PRODUCT.c.product_id == bindparam("of_product"))
_BOOKED = select(BOOKING.c.engineer_id, BOOKING.c.visit_start, BOOKING.c.visit_end, BOOKING.c.day).where(
    BOOKING.c.region == bindparam("of_region"),
    BOOKING.c.stranded == false(),
    BOOKING.c.visit_start > bindparam("after"),
    BOOKING.c.visit_start < bindparam("before"),
    BOOKING.c.order_id != bindparam("of_order"),
)


class CandidateList(RegionLockedStore):
    """Lists candidates. Every method raises `StoreUnavailable` if the database does not answer."""

    async def candidates(self, query: CandidateQuery) -> Candidates:
        """Return all engineers of a region, whether they are active or not, with what speaks against each.

        The order's own booking counts as free, because a new assignment would free it. Orders that have waited longer
        do not count, because an assignment by hand goes before them.
        """
        async with self._database.reading() as connection:
            needed = set(await connection.scalar(_NEEDED, {"of_product": query.product_id}) or ())
            window = query.window or await self._earliest(connection, query, needed)
            if window is None:
                return Candidates(None)
            pool = CandidatePool(query.region, inactive_too=True)
            engineers = (await connection.execute(select(ENGINEER).where(*members(pool.shape)), pool.parameters)).all()
            skilled = await skills_of(connection, [engineer.engineer_id for engineer in engineers])
            calendar = await Calendar.read(connection, pool, self._rules, window.start, window.start)
            booked = await self._other_visits(connection, query, window)
        day = self._rules.grid.day_of(window.start)
        found = []
        for engineer in engineers:
            visits = booked[engineer.engineer_id]
            skills = skilled.get(engineer.engineer_id, [])
            missing = sorted(needed.difference(skills))
            reason = self._obstacle(engineer, calendar, window, visits, query, missing)
            that_day = sum(visit.day == day for visit in visits)
            found.append(Candidate(engineer.engineer_id, engineer.name, that_day, skills, missing, reason))
        found.sort(key=lambda one: (not one.free, one.visits_that_day, one.engineer_id))
        return Candidates(window, found)

    async def _earliest(
        self, connection: AsyncConnection, query: CandidateQuery, needed: set[str]
    ) -> TimeWindow | None:
        """Return the earliest window in which somebody is free, or the earliest bookable one if nobody ever is."""
        search = Search(connection, self._rules, self._now())
        pool = CandidatePool(query.region, tuple(sorted(needed)), tuple(sorted(query.declined_by)))
        if (found := await search.find(search.looks(pool, None))) is not None:
            return found[1]
        return next(self._rules.grid.windows(search.earliest, search.earliest + timedelta(days=2)), None)

    async def _other_visits(
        self, connection: AsyncConnection, query: CandidateQuery, window: TimeWindow
    ) -> defaultdict[str, list[Any]]:
        """Return the other visits on the day of the window, and those that overlap it, by engineer."""
        start, end = self._rules.grid.span_of(self._rules.grid.day_of(window.start))
        span = {"after": start - LONGEST_VISIT, "before": max(end, window.end)}
        found: defaultdict[str, list[Any]] = defaultdict(list)
        for row in await connection.execute(_BOOKED, {"of_region": query.region, "of_order": query.order_id, **span}):
            found[row.engineer_id].append(row)
        return found

    def _obstacle(
        self,
        engineer: Any,
        calendar: Calendar,
        window: TimeWindow,
        visits: list[Any],
        query: CandidateQuery,
        missing: list[str],
    ) -> Obstacle | None:
        hours = calendar.roster.hours(
            engineer.working_days, engineer.works_from, engineer.works_until, engineer.visits_per_window
        )
        then = [visit for visit in visits if visit.visit_start < window.end and window.start < visit.visit_end]
        across = any((visit.visit_start, visit.visit_end) != (window.start, window.end) for visit in then)
        speaks_against = {
            Obstacle.DAY_OFF: calendar.is_off(engineer.engineer_id, window),
            Obstacle.NOT_WORKING: not calendar.works(engineer.engineer_id, hours, window),
            Obstacle.BOOKED: across or len(then) >= hours.visits_per_window,
            Obstacle.DECLINED_BEFORE: engineer.engineer_id in query.declined_by,
            Obstacle.MISSING_SKILLS: bool(missing),
            Obstacle.INACTIVE: not engineer.active,
        }
        return next((obstacle for obstacle in Obstacle if speaks_against[obstacle]), None)
