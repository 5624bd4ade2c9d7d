"""The contexts of the service: one record each, from which every list of contexts is derived.

A new context is registered here, by its tables in `stores.migration`, and by its activities and workflows in `worker`.
"""

from dataclasses import dataclass

ORDERS = "orders"
MANAGEMENT_CENTER = "management-center"
INSTALLATION = "installation"
ORDER_STATUS = "order-status"
AUDIT = "audit"


@dataclass(frozen=True)
class Context:
    """What the parts of the system need to know about one context."""

    name: str
    """Also the name of its task queue, of its SQLite file, and of its database in production."""
    workflows: bool = False
    """Its workers carry workflows."""
    activities: bool = False
    """Its workers carry out activities."""
    store: str | None = None
    """What `/health/ready` calls its database; without one, Temporal keeps all that it has."""
    derived: bool = False
    """Its store repeats or refers to what others keep, so a backup copies it after them."""

    @property
    def queued(self) -> bool:
        """Whether workers serve it."""
        return self.workflows or self.activities

    @property
    def database_setting(self) -> str:
        """The setting that names its database."""
        return f"{self.name.replace('-', '_')}_database_url"


RECORDS = (
    Context(ORDERS, workflows=True),
    Context(MANAGEMENT_CENTER, workflows=True, activities=True, store="managementCenterStore"),
    Context(INSTALLATION, activities=True, store="installationStore"),
    Context(ORDER_STATUS, workflows=True, activities=True, store="orderStatusStore", derived=True),
    Context(AUDIT, store="auditStore", derived=True),  # written by the API alone
)

ALL = tuple(context.name for context in RECORDS if context.queued)
"""The contexts that workers serve."""
STORES = {context.name: context.store for context in RECORDS if context.store is not None}
"""The contexts that have a database, and what `/health/ready` calls it."""
