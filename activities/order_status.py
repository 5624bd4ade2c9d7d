"""The read model's part in the saga."""

from dataclasses import dataclass

from temporalio import activity

from domain.order_status import PROJECT_ORDER
from domain.orders import Order
from stores.order_status import OrderStatusStore


@dataclass(frozen=True)
class OrderStatusActivities:
    """Keeps the managers' view of the orders."""

    store: OrderStatusStore

    @activity.defn(name=PROJECT_ORDER.name)
    async def project_order(self, order: Order) -> None:
        """Store the order as it stands."""
        await self.store.put([order])
