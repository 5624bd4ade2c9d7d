"""Contexts of the service. Every list of contexts in the program is derived from the records here.

To add a context, register it here, its tables in `stores.migration`, and its activities and workflows in `worker`.
"""

from dataclasses import dataclass

ORDERS = "orders"
MANAGEMENT_CENTER = "management-center"
INSTALLATION = "installation"
EVENT_DELIVERY = "event-delivery"
ORDER_STATUS = "order-status"
AUDIT = "audit"


@dataclass(frozen=True)
class Context:
    """Facts about one context that other parts of the program need."""

    name: str
    """Name of the context, its task queue, its SQLite file, and its database in production."""
    workflows: bool = False
    """Whether its workers run workflows."""
    activities: bool = False
    """Whether its workers run activities."""
    store: str | None = None
    """Name of its database in `/health/ready`. `None` if Temporal keeps all its data."""
    derived: bool = False
    """Whether its store copies or refers to data of other contexts. A backup copies such a store after the others."""

    @property
    def queued(self) -> bool:
        """Whether workers serve the context."""
        return self.workflows or self.activities

    @property
    def database_setting(self) -> str:
        """Name of the setting that holds the URL of its database."""
        return f"{self.name.replace('-', '_')}_database_url"


RECORDS = (
    Context(ORDERS, workflows=True),
    Context(MANAGEMENT_CENTER, workflows=True, activities=True, store="managementCenterStore"),
    Context(INSTALLATION, activities=True, store="installationStore"),
    # Copied before the view, where its events come from: it must not have read more of them than the copy there has.
    Context(EVENT_DELIVERY, workflows=True, activities=True, store="eventDeliveryStore"),
    Context(ORDER_STATUS, workflows=True, activities=True, store="orderStatusStore", derived=True),
    Context(AUDIT, store="auditStore", derived=True),  # written by the API alone
)

ALL = tuple(context.name for context in RECORDS if context.queued)
"""Names of the contexts that workers serve."""
STORES = {context.name: context.store for context in RECORDS if context.store is not None}
"""Contexts with a database, and the name of that database in `/health/ready`."""
