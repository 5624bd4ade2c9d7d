"""Skills that the installation of a product needs. A product that is not stored here needs none."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
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
_CHANGE = update(PRODUCT).where(PRODUCT.c.product_id == bindparam("of_id"))
_REMOVE = delete(PRODUCT).where(PRODUCT.c.product_id == bindparam("of_id"))
_IN_ORDER = Keyset("productId", (PRODUCT.c.product_id,))


class Products(RegionLockedStore):
    """Stores products. Every method raises `StoreUnavailable` if the database does not answer."""

    async def create_product(self, product_id: str, skills: Sequence[str]) -> Product:
        """Store the skills that a product needs.

        Raises:
            AlreadyExists: the product is already stored.
        """
        product = Product(product_id, sorted(skills))

        async def work(connection: AsyncConnection) -> Product:
            if (await connection.execute(_ONE, {"of_id": product_id})).one_or_none() is not None:
                raise AlreadyExists("a product with this id already exists")
            await connection.execute(insert(PRODUCT), vars(product))
            await waiting.needs_changed(connection, self._now())
            return product

        return await self._database.transact(work)

    async def product(self, product_id: str) -> Product:
        """Return one product.

        Raises:
            NotFound: no product has this id.
        """
        return _as_product(await self._one(_ONE, product_id))

    async def products(self, *, limit: int = 50, cursor: str | None = None) -> Page[Product]:
        """Return a page of the products, ordered by id.

        Raises:
            MalformedCursor: the cursor does not belong to this list.
        """
        statement = _IN_ORDER.page(_ALL, limit=limit, cursor=cursor, dialect=self._database.dialect)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return _IN_ORDER.cut(rows, limit, _as_product)

    async def change_product(self, product_id: str, *, skills: Sequence[str] | None = None) -> Product:
        """Change the given members, for visits that are booked from now on. Returns the changed product.

        Raises:
            NotFound: no product has this id.
        """

        async def work(connection: AsyncConnection) -> Product:
            if skills is not None:
                await self._change(connection, _CHANGE, {"of_id": product_id, "skills": sorted(skills)})
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
    return Product(row.product_id, row.skills)
