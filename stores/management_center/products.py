"""Products: their names, and the skills that their installation needs. A product that is not stored here needs none."""

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common.errors import AlreadyExists
from domain.common.paging import Page
from domain.management_center.staff import Product
from stores.common.paging import Keyset
from stores.management_center import waiting_list as waiting
from stores.management_center.base import RegionLockedStore
from stores.management_center.tables import PRODUCT

_ALL = select(PRODUCT)
_ONE = _ALL.where(PRODUCT.c.product_id == bindparam("of_id"))
_orderable = PRODUCT.c.orderable == true()
_CHANGE = update(PRODUCT).where(PRODUCT.c.product_id == bindparam("of_id"))
_REMOVE = delete(PRODUCT).where(PRODUCT.c.product_id == bindparam("of_id"))
_IN_ORDER = Keyset("productId", (PRODUCT.c.product_id,))


class Products(RegionLockedStore):
    """Stores products. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_product(
        self,
        product_id: str,
        skills: Sequence[str] = (),
        *,
        name: str | None = None,
        local_name: str | None = None,
        orderable: bool = True,
    ) -> Product:
        """Store a product.

        Raises:
            AlreadyExists: the product is already stored.
        """
        product = Product(product_id, sorted(skills), name, local_name, orderable)

        async def work(connection: AsyncConnection) -> Product:
            if (await connection.execute(_ONE, {"of_id": product_id})).one_or_none() is not None:
                raise AlreadyExists("a product with this id already exists")
            await connection.execute(insert(PRODUCT), vars(product))
            if skills:
                await waiting.needs_changed(connection, self._now())
            return product

        return await self._database.transact(work)

    async def product(self, product_id: str, *, orderable_only: bool = False) -> Product:
        """Return one product.

        Raises:
            NotFound: no product has this id, or it cannot be ordered and `orderable_only` is set.
        """
        return _as_product(await self._one(_ONE.where(_orderable) if orderable_only else _ONE, product_id))

    async def products(
        self, *, orderable_only: bool = False, limit: int = 50, cursor: str | None = None
    ) -> Page[Product]:
        """Return a page of the products, or of those that can be ordered, ordered by id.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _ALL.where(_orderable) if orderable_only else _ALL
        statement = _IN_ORDER.page(statement, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _as_product)

    async def change_product(
        self,
        product_id: str,
        *,
        skills: Sequence[str] | None = None,
        name: str | EllipsisType | None = ...,
        local_name: str | EllipsisType | None = ...,
        orderable: bool | None = None,
    ) -> Product:
        """Change the given members; skills for visits that are booked from now on. Returns the changed product.

        Raises:
            NotFound: no product has this id.
        """
        names = {"name": name, "local_name": local_name}
        given: dict[str, Any] = {member: value for member, value in names.items() if value is not ...}
        if orderable is not None:
            given["orderable"] = orderable
        if skills is not None:
            given["skills"] = sorted(skills)

        async def work(connection: AsyncConnection) -> Product:
            if given:
                await self._change(connection, _CHANGE, {"of_id": product_id, **given})
            if "skills" in given:
                await waiting.needs_changed(connection, self._now())
            return _as_product(await self._row(connection, _ONE, product_id))

        return await self._database.transact(work)

    async def retire_product(self, product_id: str) -> None:
        """Remove the product, which then needs no skills.

        Raises:
            NotFound: no product has this id.
        """

        async def work(connection: AsyncConnection) -> None:
            await self._row(connection, _ONE, product_id)
            await connection.execute(_REMOVE, {"of_id": product_id})
            await waiting.needs_changed(connection, self._now())

        await self._database.transact(work)


def _as_product(row: Any) -> Product:
    return Product(row.product_id, row.skills, row.name, row.local_name, row.orderable)
