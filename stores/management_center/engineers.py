"""Engineers of the management center. Retired engineers are kept in the table, but never returned."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from types import EllipsisType
from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, delete, false, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists
from domain.common.paging import Page
from domain.management_center.staff import WORKING_DAYS, Engineer, Weekday, WorkingHours
from stores.common.paging import Keyset
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.bookings import mark_uncovered, skills_of
from stores.management_center.tables import BOOKING, ENGINEER, ENGINEER_SKILL

_WORKING_HOURS = WorkingHours()
_LIVE = select(ENGINEER).where(ENGINEER.c.retired_at.is_(None))
_INACTIVE = select(ENGINEER.c.engineer_id).where(or_(ENGINEER.c.active == false(), ENGINEER.c.retired_at.is_not(None)))
_MADE = select(ENGINEER.c.fingerprint).where(ENGINEER.c.engineer_id == bindparam("of_id"))
_ONE = _LIVE.where(ENGINEER.c.engineer_id == bindparam("of_id"))
_LOCK_ONE = _ONE.with_for_update()
_CHANGE = update(ENGINEER).where(ENGINEER.c.engineer_id == bindparam("of_id"))
_IN_ORDER = Keyset("engineerId", (ENGINEER.c.engineer_id,))


class Engineers(RegionLockedStore):
    """Stores engineers. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_engineer(
        self,
        *,
        name: str,
        region: str,
        active: bool = True,
        skills: Sequence[str] = (),
        working_days: Sequence[Weekday] = WORKING_DAYS,
        working_hours: WorkingHours = _WORKING_HOURS,
        visits_per_window: int | None = None,
        engineer_id: str | None = None,
        fingerprint: str | None = None,
    ) -> Engineer:
        """Add an engineer, with a new id if none is given.

        Raises:
            AlreadyExists: the id is taken, or was, by somebody who has retired. `fingerprint_of_engineer` tells more.
        """
        id_ = engineer_id or uuid4().hex
        engineer = Engineer(
            id_, name, region, active, sorted(skills), _in_order(working_days), working_hours, visits_per_window
        )

        async def work(connection: AsyncConnection) -> Engineer:
            await self._lock(connection, region)
            if (await connection.execute(_MADE, {"of_id": id_})).one_or_none():
                raise AlreadyExists("an engineer with this id already exists")
            made = {"engineer_id": id_, "fingerprint": fingerprint}
            await connection.execute(insert(ENGINEER), made | _as_row(engineer))
            await _store_skills(connection, engineer)
            if active:
                await waiting.capacity_appeared(connection, self._now(), region)
            return engineer

        return await self._database.transact(work)

    async def fingerprint_of_engineer(self, engineer_id: str) -> str | None:
        """Return the fingerprint of the request that has added an engineer, who may have retired.

        Raises:
            NotFound: no engineer has had this id.
        """
        async with self._database.reading() as connection:
            row = await self._row(connection, _MADE, engineer_id)
            found: str | None = row.fingerprint
            return found

    async def engineer(self, engineer_id: str) -> Engineer:
        """Return one engineer.

        Raises:
            NotFound: no engineer has this id.
        """
        async with self._database.reading() as connection:
            row = await self._row(connection, _ONE, engineer_id)
            return _as_engineer(row, await skills_of(connection, [engineer_id]))

    async def engineers(
        self,
        *,
        regions: Collection[str] = (),
        active: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Engineer]:
        """Return a page of the engineers of all regions, or of some, ordered by id.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _LIVE
        if regions:
            statement = statement.where(ENGINEER.c.region.in_(regions))
        if active is not None:
            statement = statement.where(ENGINEER.c.active == active)
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
            skilled = await skills_of(connection, [row.engineer_id for row in rows])
        return _IN_ORDER.cut(rows, limit, lambda row: _as_engineer(row, skilled))

    async def inactive_engineers(self) -> Sequence[str]:
        """Return the ids of all engineers who are not active, retired ones included."""
        async with self._database.reading() as connection:
            return (await connection.execute(_INACTIVE)).scalars().all()

    async def change_engineer(
        self,
        engineer_id: str,
        *,
        name: str | None = None,
        region: str | None = None,
        active: bool | None = None,
        skills: Sequence[str] | None = None,
        working_days: Sequence[Weekday] | None = None,
        working_hours: WorkingHours | None = None,
        visits_per_window: int | EllipsisType | None = ...,
    ) -> Engineer:
        """Change the given members. Returns the changed engineer.

        Visits booked at times when the engineer no longer works become uncovered.

        Raises:
            NotFound: no engineer has this id.
        """
        change = {
            "name": name,
            "region": region,
            "active": active,
            "skills": None if skills is None else sorted(skills),
            "working_days": None if working_days is None else _in_order(working_days),
            "working_hours": working_hours,
        }
        given: dict[str, Any] = {member: value for member, value in change.items() if value is not None}
        if not isinstance(visits_per_window, EllipsisType):
            given["visits_per_window"] = visits_per_window
        return await self._alter(engineer_id, lambda before: replace(before, **given))

    async def retire_engineer(self, engineer_id: str) -> None:
        """Stop assigning orders to the engineer. The engineer's booked visits become uncovered.

        Raises:
            NotFound: no engineer has this id.
        """
        await self._alter(engineer_id, lambda before: replace(before, active=False), {"retired_at": self._now()})

    async def _alter(
        self, engineer_id: str, changed: Callable[[Engineer], Engineer], more: dict[str, Any] | None = None
    ) -> Engineer:
        async def work(connection: AsyncConnection) -> Engineer:
            seen = await self._row(connection, _ONE, engineer_id)
            await self._lock(connection, seen.region, changed(_as_engineer(seen, {})).region)
            row = await self._row(connection, _LOCK_ONE, engineer_id)
            before = _as_engineer(row, await skills_of(connection, [engineer_id]))
            after = changed(before)
            await self._change(connection, _CHANGE, {"of_id": engineer_id, **_as_row(after), **(more or {})})
            if after.skills != before.skills:
                await _store_skills(connection, after)
            await mark_uncovered(connection, self._rules, self._now(), BOOKING.c.engineer_id == engineer_id)
            if _can_more(before, after, self._rules.visits_per_window):
                await waiting.capacity_appeared(connection, self._now(), after.region)
            return after

        return await self._database.transact(work)


async def _store_skills(connection: AsyncConnection, engineer: Engineer) -> None:
    known = {"engineer_id": engineer.engineer_id}
    await connection.execute(delete(ENGINEER_SKILL).where(ENGINEER_SKILL.c.engineer_id == engineer.engineer_id))
    if engineer.skills:
        await connection.execute(insert(ENGINEER_SKILL), [{**known, "skill": skill} for skill in engineer.skills])


def _can_more(before: Engineer, after: Engineer, usual: int) -> bool:
    """Return whether the engineer can be booked for something that was not possible before."""
    return after.active and (
        not before.active
        or after.region != before.region
        or not set(after.skills) <= set(before.skills)
        or not set(after.working_days) <= set(before.working_days)
        or after.working_hours.start < before.working_hours.start
        or after.working_hours.end > before.working_hours.end
        or (after.visits_per_window or usual) > (before.visits_per_window or usual)
    )


def _in_order(days: Iterable[Weekday]) -> tuple[Weekday, ...]:
    return tuple(day for day in Weekday if day in days)


def _as_engineer(row: Any, skilled: dict[str, list[str]]) -> Engineer:
    return Engineer(
        row.engineer_id,
        row.name,
        row.region,
        row.active,
        skilled.get(row.engineer_id, []),
        tuple(day for index, day in enumerate(Weekday) if row.working_days >> index & 1),
        WorkingHours.of_minutes(row.works_from, row.works_until),
        row.visits_per_window,
    )


def _as_row(engineer: Engineer) -> dict[str, Any]:
    works_from, works_until = engineer.working_hours.minutes
    return {
        "name": engineer.name,
        "region": engineer.region,
        "active": engineer.active,
        "working_days": sum(1 << index for index, day in enumerate(Weekday) if day in engineer.working_days),
        "works_from": works_from,
        "works_until": works_until,
        "visits_per_window": engineer.visits_per_window,
    }
