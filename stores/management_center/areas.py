"""Service areas of the management center. Retired areas are kept in the table, but never returned."""

from typing import Any
from uuid import uuid4

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists
from domain.common.paging import Page
from domain.management_center.addresses import Placement, place, placed_in
from domain.management_center.assignments import ServiceArea
from stores.common.paging import Keyset
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.tables import ASSIGNMENT, PRODUCT, SERVICE_AREA

_LIVE = select(SERVICE_AREA).where(SERVICE_AREA.c.retired_at.is_(None))
_ONE = _LIVE.where(SERVICE_AREA.c.service_area_id == bindparam("of_id"))
_MADE = select(SERVICE_AREA.c.fingerprint).where(SERVICE_AREA.c.service_area_id == bindparam("of_id"))
_IN_ORDER = Keyset("serviceAreaId", (SERVICE_AREA.c.service_area_id,))
_needed = select(PRODUCT.c.skills).where(PRODUCT.c.product_id == bindparam("of_product")).scalar_subquery()
_WITH_SKILLS = _LIVE.add_columns(_needed.label("needed"))
_DECIDED = select(ASSIGNMENT.c.address_region).where(ASSIGNMENT.c.order_id == bindparam("of_order"))


class ServiceAreas(RegionLockedStore):
    """Stores service areas. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_service_area(
        self,
        *,
        region: str,
        name: str,
        local_name: str,
        matches: list[str],
        service_area_id: str | None = None,
        fingerprint: str | None = None,
    ) -> ServiceArea:
        """Add a service area, with a new id if none is given. Orders that wait without an area become ready.

        Raises:
            AlreadyExists: the id is taken, or was, by an area that is retired. `fingerprint_of_service_area` tells
                more.
        """
        id_ = service_area_id or uuid4().hex
        area = ServiceArea(id_, region, name, local_name, matches)

        async def work(connection: AsyncConnection) -> ServiceArea:
            await self._lock_all(connection)
            if (await connection.execute(_MADE, {"of_id": id_})).one_or_none():
                raise AlreadyExists("a service area with this id already exists")
            await connection.execute(insert(SERVICE_AREA), vars(area) | {"fingerprint": fingerprint})
            await waiting.areas_changed(connection, self._now())
            return area

        return await self._database.transact(work)

    async def fingerprint_of_service_area(self, service_area_id: str) -> str | None:
        """Return the fingerprint of the request that has added an area, which may be retired.

        Raises:
            NotFound: no service area has had this id.
        """
        found: str | None = (await self._one(_MADE, service_area_id)).fingerprint
        return found

    async def service_area(self, service_area_id: str) -> ServiceArea:
        """Return one service area.

        Raises:
            NotFound: no service area has this id.
        """
        return _as_service_area(await self._one(_ONE, service_area_id))

    async def service_areas(self, *, limit: int = 50, cursor: str | None = None) -> Page[ServiceArea]:
        """Return a page of the service areas, ordered by id.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _IN_ORDER.page(_LIVE, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _as_service_area)

    async def change_service_area(
        self,
        service_area_id: str,
        *,
        region: str | None = None,
        name: str | None = None,
        local_name: str | None = None,
        matches: list[str] | None = None,
    ) -> ServiceArea:
        """Change the given members. Orders that wait without an area become ready. Returns the changed area.

        Raises:
            NotFound: no service area has this id.
        """
        change = {"region": region, "name": name, "local_name": local_name, "matches": matches}
        given = {member: value for member, value in change.items() if value is not None}

        async def work(connection: AsyncConnection) -> ServiceArea:
            await self._lock_all(connection)
            await self._change(connection, _live(service_area_id), given)
            await waiting.areas_changed(connection, self._now())
            return _as_service_area(await self._row(connection, _ONE, service_area_id))

        return await self._database.transact(work)

    async def retire_service_area(self, service_area_id: str) -> None:
        """Stop serving the area. Existing assignments stay. Orders that wait without an area become ready.

        Raises:
            NotFound: no service area has this id.
        """

        async def work(connection: AsyncConnection) -> None:
            await self._lock_all(connection)
            await self._change(connection, _live(service_area_id), {"retired_at": self._now()})
            # An address that may have been in several regions may be in one now.
            await waiting.areas_changed(connection, self._now())

        await self._database.transact(work)

    @staticmethod
    async def _locate(
        connection: AsyncConnection, address: str, product_id: str | None, order_id: str | None = None
    ) -> tuple[Placement, tuple[str, ...]]:
        """Return where an address belongs, and the skills that the product needs there.

        If the address is ambiguous, the region of the order's assignments decides.
        """
        rows = (await connection.execute(_WITH_SKILLS, {"of_product": product_id})).all()
        areas = [_as_service_area(row) for row in rows]
        placement = place(address, areas)
        if placement.regions and order_id is not None:
            decided = await connection.scalar(_DECIDED, {"of_order": order_id})
            if decided in placement.regions:
                placement = placed_in(decided, areas)
        return placement, tuple(rows[0].needed or ()) if placement.area else ()


def _live(service_area_id: str) -> Any:
    return update(SERVICE_AREA).where(
        SERVICE_AREA.c.service_area_id == service_area_id, SERVICE_AREA.c.retired_at.is_(None)
    )


def _as_service_area(row: Any) -> ServiceArea:
    return ServiceArea(row.service_area_id, row.region, row.name, row.local_name, row.matches)
