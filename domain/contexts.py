"""The contexts, each with a task queue of its name."""

ORDERS = "orders"
MANAGEMENT_CENTER = "management-center"
INSTALLATION = "installation"
ORDER_STATUS = "order-status"

ALL = (ORDERS, MANAGEMENT_CENTER, INSTALLATION, ORDER_STATUS)
