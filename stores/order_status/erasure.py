"""The read model's part in the erasure: finds a customer's orders, and removes personal data from them."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from sqlalchemy import bindparam, func, select, update

from domain.common.personal import erased
from domain.erasure import CustomersOrders, skeleton
from domain.orders import Order, OrderStatus
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.order_status.rows import with_history
from stores.order_status.tables import ORDER_CHANGE, ORDER_STATUS
from stores.order_status.view import DEFAULT_GRID, OrderStatusStore

_AT_ONCE = 100
"""Orders."""
_CHANGES_AT_ONCE = 5000
_FINAL = [status.value for status in OrderStatus if status.final]

_of_customer = ORDER_STATUS.c.customer_id == bindparam("of_customer")
_ENDED = select(ORDER_STATUS.c.order_id).where(_of_customer, ORDER_STATUS.c.status.in_(_FINAL)).limit(_AT_ONCE)
_OPEN = select(ORDER_STATUS.c.order_id).where(_of_customer, ORDER_STATUS.c.status.not_in(_FINAL)).limit(1)
_ORDERS = select(ORDER_STATUS).where(ORDER_STATUS.c.order_id.in_(bindparam("of_orders", expanding=True)))
_KEPT_CHANGES = select(func.min(ORDER_CHANGE.c.sequence), func.max(ORDER_CHANGE.c.sequence))
_ERASE_CHANGES = (
    update(ORDER_CHANGE)
    .where(
        ORDER_CHANGE.c.sequence >= bindparam("first"),
        ORDER_CHANGE.c.sequence < bindparam("beyond"),
        ORDER_CHANGE.c.order_id.in_(bindparam("of_orders", expanding=True)),
    )
    .values(**erased(Order), attention_detail=None, history=[], searched="")
)


class ErasureStore:
    """Erases personal data. Every method raises `StoreUnavailable` if the database does not answer."""

    def __init__(self, database: Database, grid: VisitGrid = DEFAULT_GRID) -> None:
        self._database = database
        self._view = OrderStatusStore(database, grid)

    async def orders_of(self, customer_id: str) -> CustomersOrders:
        """Return a batch of a customer's ended orders, and whether the customer has open ones."""
        async with self._database.reading() as connection:
            ended = (await connection.execute(_ENDED, {"of_customer": customer_id})).scalars()
            still_open = (await connection.execute(_OPEN, {"of_customer": customer_id})).first()
        return CustomersOrders(list(ended), open=still_open is not None)

    async def erase_changes(self, order_ids: Sequence[str]) -> AsyncIterator[None]:
        """Erase personal data from the stored changes of some orders. Yields after each batch."""
        async with self._database.reading() as connection:
            first, last = (await connection.execute(_KEPT_CHANGES)).one()
        for start in range(first or 0, (last or -1) + 1, _CHANGES_AT_ONCE):
            part = {"first": start, "beyond": start + _CHANGES_AT_ONCE, "of_orders": list(order_ids)}
            async with self._database.writing() as connection:
                await connection.execute(_ERASE_CHANGES, part)
            yield

    async def erase(self, order_ids: Sequence[str]) -> None:
        """Replace some orders by their skeletons, which belong to no customer."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(_ORDERS, {"of_orders": list(order_ids)})).all()
        at = datetime.now(UTC)
        await self._view.put([skeleton(with_history(row).order, at=at) for row in rows])
        await self._database.discard_overwritten()
