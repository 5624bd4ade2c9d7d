"""The base of the management center's stores: the database, the booking rules, the clock, and the region locks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Select, Update, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import NotFound
from domain.visits import BookingRules
from stores.common.database import SQLITE, Database
from stores.management_center.tables import SERVICE_AREA

_DEFAULT_RULES = BookingRules()
_AREAS = select(SERVICE_AREA.c.service_area_id).order_by(SERVICE_AREA.c.service_area_id).with_for_update()
_OF_REGIONS = _AREAS.where(SERVICE_AREA.c.region.in_(bindparam("regions", expanding=True)))


def utc_now() -> datetime:
    """Return the time of the machine's clock."""
    return datetime.now(UTC)


class RegionLockedStore:
    """A store that locks the regions in which it writes."""

    def __init__(
        self, database: Database, rules: BookingRules = _DEFAULT_RULES, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._rules = rules
        self._now = now

    @property
    def _one_at_a_time(self) -> bool:
        """Whether the database admits one writer at a time, so that no locks are needed."""
        return self._database.dialect == SQLITE

    async def _lock(self, connection: AsyncConnection, *regions: str | None) -> None:
        """Make others wait who book, free or change staff in these regions at the same time.

        Take this lock before any other, or two transactions may wait for each other. Read what it protects after it.
        """
        known = {region for region in regions if region is not None}
        if known and not self._one_at_a_time:
            await connection.execute(_OF_REGIONS, {"regions": sorted(known)})

    async def _lock_all(self, connection: AsyncConnection) -> None:
        """Do what `_lock` does, for every region."""
        if not self._one_at_a_time:
            await connection.execute(_AREAS)

    async def _one(self, statement: Select[Any], of_id: str) -> Any:
        async with self._database.reading() as connection:
            return await self._row(connection, statement, of_id)

    @staticmethod
    async def _row(connection: AsyncConnection, statement: Select[Any], of_id: str) -> Any:
        row = (await connection.execute(statement, {"of_id": of_id})).one_or_none()
        if row is None:
            raise NotFound("nothing has this id")
        return row

    @staticmethod
    async def _change(connection: AsyncConnection, statement: Update, change: dict[str, Any]) -> None:
        if change and not (await connection.execute(statement, change)).rowcount:
            raise NotFound("nothing has this id")
