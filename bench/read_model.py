"""The bench's own look into the service's read model, beside the API."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from domain import contexts
from domain.order_status import OrderFilter
from domain.orders import OrderStatus
from settings import Settings
from stores.database import Database
from stores.order_status import OrderStatusStore

_AT_ONCE = 500


class Requests:
    """Tells which installations have been requested since the last look."""

    def __init__(self, store: OrderStatusStore) -> None:
        self._store = store
        self._seen = 0

    async def look(self) -> Iterable[tuple[str, str]]:
        """Order and engineer of each."""
        wanted = OrderFilter(statuses=(OrderStatus.INSTALLATION_REQUESTED,))
        changes = await self._store.changes_after(self._seen, wanted, _AT_ONCE)
        self._seen = max((change.sequence for change in changes), default=self._seen)
        orders = [change.view.order for change in changes]
        return [(order.order_id, order.engineer_id or "") for order in orders]


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[OrderStatusStore]:
    """The store, in the process of the bench."""
    database = Database(settings.database_url(contexts.ORDER_STATUS))
    try:
        yield OrderStatusStore(database)
    finally:
        await database.dispose()
