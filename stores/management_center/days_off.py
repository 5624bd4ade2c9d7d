"""Days off of engineers, and holidays of whole regions (휴무)."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.common.paging import Page
from domain.management_center.staff import DayOff
from stores.common.paging import Keyset
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.bookings import mark_uncovered
from stores.management_center.tables import BOOKING, DAY_OFF, ENGINEER

_ALL = select(DAY_OFF)
_ONE = _ALL.where(DAY_OFF.c.day_off_id == bindparam("of_id"))
_REMOVE = delete(DAY_OFF).where(DAY_OFF.c.day_off_id == bindparam("of_id"))
_REGION = select(ENGINEER.c.region).where(
    ENGINEER.c.engineer_id == bindparam("of_engineer"), ENGINEER.c.retired_at.is_(None)
)
_IN_ORDER = Keyset("lastDay", (DAY_OFF.c.last_day, DAY_OFF.c.day_off_id))


class DaysOff(RegionLockedStore):
    """Stores days off. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_day_off(
        self, *, engineer_id: str | None, region: str | None, first_day: date, last_day: date, reason: str | None
    ) -> DayOff:
        """Add a day off of an engineer, or a holiday of a region. Visits booked on these days become uncovered.

        Raises:
            NotFound: no engineer has this id.
        """
        day_off = DayOff(uuid4().hex, engineer_id, region, first_day, last_day, reason)

        async def work(connection: AsyncConnection) -> DayOff:
            if await self._lock_region_of(connection, day_off) is None:
                raise NotFound("no engineer has this id")
            await connection.execute(insert(DAY_OFF), vars(day_off))
            await mark_uncovered(connection, self._rules, self._now(), _booked_then(day_off))
            return day_off

        return await self._database.transact(work)

    async def day_off(self, day_off_id: str) -> DayOff:
        """Return one day off.

        Raises:
            NotFound: no day off has this id.
        """
        return _as_day_off(await self._one(_ONE, day_off_id))

    async def days_off(
        self,
        *,
        engineer_id: str | None = None,
        region: str | None = None,
        within: Collection[str] | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[DayOff]:
        """Return a page of the days off, ordered by their last day.

        Args:
            engineer_id: Only the days off of this engineer.
            region: Only the holidays of this region.
            within: Only the holidays of these regions, and the days off of their engineers.
            limit: The largest number of items.
            cursor: Where the previous page ended.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _ALL
        if engineer_id is not None:
            statement = statement.where(DAY_OFF.c.engineer_id == engineer_id)
        if region is not None:
            statement = statement.where(DAY_OFF.c.region == region)
        if within is not None:
            theirs = select(ENGINEER.c.engineer_id).where(ENGINEER.c.region.in_(within))
            statement = statement.where(or_(DAY_OFF.c.region.in_(within), DAY_OFF.c.engineer_id.in_(theirs)))
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _as_day_off)

    async def remove_day_off(self, day_off_id: str) -> None:
        """Remove a day off. Orders that wait in its region become ready.

        Raises:
            NotFound: no day off has this id.
        """

        async def work(connection: AsyncConnection) -> None:
            day_off = _as_day_off(await self._row(connection, _ONE, day_off_id))
            region = await self._lock_region_of(connection, day_off)
            await connection.execute(_REMOVE, {"of_id": day_off_id})
            await mark_uncovered(connection, self._rules, self._now(), _booked_then(day_off))
            if region is not None:
                await waiting.capacity_appeared(connection, self._now(), region)

        await self._database.transact(work)

    async def _lock_region_of(self, connection: AsyncConnection, day_off: DayOff) -> str | None:
        """Lock and return the region concerned. None if the engineer does not exist."""
        region = day_off.region
        if day_off.engineer_id is not None:
            region = await connection.scalar(_REGION, {"of_engineer": day_off.engineer_id})
        await self._lock(connection, region)
        return region


def _booked_then(day_off: DayOff) -> ColumnElement[bool]:
    whose = BOOKING.c.engineer_id == day_off.engineer_id if day_off.engineer_id else BOOKING.c.region == day_off.region
    return and_(whose, BOOKING.c.day >= day_off.first_day, BOOKING.c.day <= day_off.last_day)


def _as_day_off(row: Any) -> DayOff:
    return DayOff(row.day_off_id, row.engineer_id, row.region, row.first_day, row.last_day, row.reason)
