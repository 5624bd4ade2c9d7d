"""Service areas and engineers, as the management centre keeps them. Retired ones are as if they were not there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, bindparam, insert, select, update

from domain.errors import NotFound
from domain.management_center import ServiceArea
from domain.paging import Page
from domain.staff import Engineer
from domain.visits import BookingRules
from stores.database import Database
from stores.paging import Keyset
from stores.tables.management_center import ENGINEER, SERVICE_AREA

LIVE_AREAS = select(SERVICE_AREA).where(SERVICE_AREA.c.retired_at.is_(None))
LIVE_ENGINEERS = select(ENGINEER).where(ENGINEER.c.retired_at.is_(None))
_AREA = LIVE_AREAS.where(SERVICE_AREA.c.service_area_id == bindparam("of_id"))
_ENGINEER = LIVE_ENGINEERS.where(ENGINEER.c.engineer_id == bindparam("of_id"))
_AREAS_IN_ORDER = Keyset("serviceAreaId", (SERVICE_AREA.c.service_area_id,))
_ENGINEERS_IN_ORDER = Keyset("engineerId", (ENGINEER.c.engineer_id,))


_RULES = BookingRules()


def utc_now() -> datetime:
    """The time by the machine's clock."""
    return datetime.now(UTC)


class Staffing:
    """Every method raises `StoreUnavailable` where the database does not answer."""

    def __init__(
        self, database: Database, rules: BookingRules = _RULES, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._rules = rules
        self._now = now

    async def create_service_area(self, *, region: str, name: str, local_name: str, matches: list[str]) -> ServiceArea:
        """Serve a further part of the country."""
        area = ServiceArea(uuid4().hex, region, name, local_name, matches)
        async with self._database.writing() as connection:
            await connection.execute(insert(SERVICE_AREA), vars(area))
        return area

    async def service_area(self, service_area_id: str) -> ServiceArea:
        """
        Raises:
            NotFound: there is none of this id.
        """
        return as_service_area(await self._one(_AREA, service_area_id))

    async def service_areas(self, *, limit: int = 50, cursor: str | None = None) -> Page[ServiceArea]:
        """
        Raises:
            MalformedCursor: the cursor is not of this list.
        """
        statement = _AREAS_IN_ORDER.page(LIVE_AREAS, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _AREAS_IN_ORDER.cut(rows, limit, as_service_area)

    async def change_service_area(
        self,
        service_area_id: str,
        *,
        region: str | None = None,
        name: str | None = None,
        local_name: str | None = None,
        matches: list[str] | None = None,
    ) -> ServiceArea:
        """Change what is given. Returns the area as it is then.

        Raises:
            NotFound: there is none of this id.
        """
        change = {"region": region, "name": name, "local_name": local_name, "matches": matches}
        return as_service_area(await self._change(SERVICE_AREA, _AREA, service_area_id, change))

    async def retire_service_area(self, service_area_id: str) -> None:
        """Serve it no longer; what is assigned stays so.

        Raises:
            NotFound: there is none of this id.
        """
        await self._change(SERVICE_AREA, _AREA, service_area_id, {"retired_at": datetime.now(UTC)})

    async def create_engineer(self, *, name: str, region: str, active: bool = True) -> Engineer:
        """Have a further engineer."""
        engineer = Engineer(uuid4().hex, name, region, active)
        async with self._database.writing() as connection:
            await connection.execute(insert(ENGINEER), vars(engineer))
        return engineer

    async def engineer(self, engineer_id: str) -> Engineer:
        """
        Raises:
            NotFound: there is none of this id.
        """
        return as_engineer(await self._one(_ENGINEER, engineer_id))

    async def engineers(
        self, *, region: str | None = None, active: bool | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Engineer]:
        """
        Raises:
            MalformedCursor: the cursor is not of this list.
        """
        statement = LIVE_ENGINEERS
        if region is not None:
            statement = statement.where(ENGINEER.c.region == region)
        if active is not None:
            statement = statement.where(ENGINEER.c.active == active)
        statement = _ENGINEERS_IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _ENGINEERS_IN_ORDER.cut(rows, limit, as_engineer)

    async def change_engineer(
        self, engineer_id: str, *, name: str | None = None, region: str | None = None, active: bool | None = None
    ) -> Engineer:
        """Change what is given. Returns the engineer as they are then.

        Raises:
            NotFound: there is none of this id.
        """
        change = {"name": name, "region": region, "active": active}
        return as_engineer(await self._change(ENGINEER, _ENGINEER, engineer_id, change))

    async def retire_engineer(self, engineer_id: str) -> None:
        """Assign nothing more to them; what is assigned stays so.

        Raises:
            NotFound: there is none of this id.
        """
        await self._change(ENGINEER, _ENGINEER, engineer_id, {"retired_at": datetime.now(UTC)})

    async def _one(self, statement: Any, of_id: str) -> Any:
        async with self._database.reading() as connection:
            row = (await connection.execute(statement, {"of_id": of_id})).one_or_none()
        if row is None:
            raise NotFound("there is nothing of this id")
        return row

    async def _change(self, table: Table, statement: Any, of_id: str, change: dict[str, Any]) -> Any:
        (key,) = table.primary_key.columns
        given = {name: value for name, value in change.items() if value is not None}
        live = update(table).where(key == of_id, table.c.retired_at.is_(None))
        async with self._database.writing() as connection:
            if given and not (await connection.execute(live, given)).rowcount:
                raise NotFound("there is nothing of this id")
            row = (await connection.execute(statement, {"of_id": of_id})).one_or_none()
        if row is None and "retired_at" not in given:
            raise NotFound("there is nothing of this id")
        return row


def as_service_area(row: Any) -> ServiceArea:
    """A row of `LIVE_AREAS`."""
    return ServiceArea(row.service_area_id, row.region, row.name, row.local_name, row.matches)


def as_engineer(row: Any) -> Engineer:
    """A row of `LIVE_ENGINEERS`."""
    return Engineer(row.engineer_id, row.name, row.region, row.active)
