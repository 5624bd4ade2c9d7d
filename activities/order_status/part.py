"""The read model's part in a worker process."""

from activities.common.serving import Part, Resources
from activities.order_status.erasure import ErasureActivities
from activities.order_status.outbox import OutboxActivities
from activities.order_status.projection import OrderStatusActivities
from activities.order_status.reconciliation import ReconciliationActivities
from stores.order_status.view import OrderStatusStore


def part(resources: Resources) -> Part:
    """Create the context's part in a worker process."""
    database, client, settings = resources.database, resources.client, resources.settings
    grid = settings.booking_rules.grid
    reconciliation = ReconciliationActivities(
        database, client, resources.registry, every=settings.reconcile_every, grid=grid
    )
    return Part(
        [
            OrderStatusActivities(OrderStatusStore(database, grid)),
            reconciliation,
            ErasureActivities(database, client, grid),
            OutboxActivities(database, resources.registry),
        ],
        background=reconciliation.count_at_start,
    )
