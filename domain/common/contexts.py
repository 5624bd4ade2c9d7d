"""The contexts, each with a task queue of its name; and what else keeps a store of its own."""

ORDERS = "orders"
MANAGEMENT_CENTER = "management-center"
INSTALLATION = "installation"
ORDER_STATUS = "order-status"

AUDIT = "audit"
"""Who has done what: written by the API alone, so without a queue."""

ALL = (ORDERS, MANAGEMENT_CENTER, INSTALLATION, ORDER_STATUS)
