"""Projection of orders into the read model."""

from time import time

from temporalio import activity

from activities.common.serving import carries_out
from activities.order_status.group_commit import GroupCommit
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order
from stores.order_status.view import OrderStatusStore


class OrderStatusActivities:
    """Activities that maintain the managers' view of the orders."""

    def __init__(self, store: OrderStatusStore) -> None:
        self._view = GroupCommit(store.put)

    @carries_out(PROJECT_ORDER)
    async def project_order(self, order: Order) -> None:
        """Store the current order, in one transaction with the orders that are projected at the same time."""
        stored = await self._view.put(order)
        meter = activity.metric_meter()
        events = meter.create_counter("orders_events_total", "Events of orders, counted when they are first stored")
        for entry in stored:
            events.add(1, {"event": entry.event})
        if stored:
            delay = meter.create_histogram_float(
                "projection_delay_seconds", "Time from an order's change until the read model shows it"
            )
            delay.record(max(0.0, time() - order.version / 1000))
