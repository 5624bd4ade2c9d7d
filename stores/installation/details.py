"""Details of the order that installations have: the region, the customer and their note, the product's id."""

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.installation import InstallationStatus, OrderDetails
from stores.common.database import Database
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER

_AT_ONCE = 100
"""Orders."""

_of_order = INSTALLATION.c.order_id == bindparam("of_order")
_lacking = (
    or_(INSTALLATION.c.region.is_(None), INSTALLATION.c.customer_id.is_(None)),
    INSTALLATION.c.status.in_([status.value for status in InstallationStatus if status.open]),
)
_LACKING = (
    select(INSTALLATION.c.order_id)
    .where(*_lacking, INSTALLATION.c.order_id > bindparam("after"))
    .order_by(INSTALLATION.c.order_id)
    .limit(_AT_ONCE)
)
_LOCK_ORDER = (
    select(INSTALLATION_ORDER.c.order_id)
    .where(INSTALLATION_ORDER.c.order_id == bindparam("of_order"))
    .with_for_update()
)
_ADD = update(INSTALLATION).where(_of_order, *_lacking)
_SET_REGION = update(INSTALLATION).where(_of_order)


class InstallationDetailsStore:
    """Adds the details to installations that lack them because an earlier release requested them.

    Every method raises `StoreUnavailable` if the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lacking(self, after: str = "") -> Sequence[str]:
        """Return a batch of orders, sorted by id, whose open installation lacks its details."""
        async with self._database.reading() as connection:
            return (await connection.execute(_LACKING, {"after": after})).scalars().all()

    async def add(self, details: OrderDetails) -> None:
        """Add the details to the open installation of an order. Does nothing if it has them, or has ended."""
        added = {name: value for name, value in vars(details).items() if name != "order_id"}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_LOCK_ORDER, {"of_order": details.order_id})
            if (await connection.execute(_ADD, {"of_order": details.order_id, **added})).rowcount:
                await set_region(connection, details.order_id, details.region)

        await self._database.transact(work)


async def set_region(connection: AsyncConnection, order_id: str, region: str | None) -> None:
    """Set the region of every round of an order, so that the managers of that region see them, and no others."""
    if region is not None:
        await connection.execute(_SET_REGION, {"of_order": order_id, "region": region})
