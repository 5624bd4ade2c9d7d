"""Erasure (개인정보 삭제): what is known of a customer is forgotten. Skeletons of their orders stay, to be counted.

`ErasureWorkflow` does it, once no order of theirs is open.
"""

import hashlib
from dataclasses import dataclass, field, replace

from domain.common.actors import without_customer
from domain.common.commands import Command
from domain.common.contexts import INSTALLATION, MANAGEMENT_CENTER, ORDER_STATUS
from domain.common.personal import erased
from domain.orders import HistoryEntry, Order

WORKFLOW_TYPE = "ErasureWorkflow"
"""The name under which Temporal knows the workflow."""


@dataclass(frozen=True)
class Erasure:
    """Whose data are to be erased, and how many orders have been done."""

    customer_id: str = ""
    erased: int = 0


@dataclass(frozen=True)
class Erased:
    """How an erasure has ended."""

    orders: int = 0
    refused: bool = False
    """An order of the customer is open: nothing has been erased."""


@dataclass(frozen=True)
class CustomersOrders:
    """Orders that have ended: some of one customer's, or of those that are kept no longer.

    None only where there are no more.
    """

    order_ids: list[str] = field(default_factory=list)
    open: bool = False
    """There are others of the customer, which have not ended."""


ERASE_FIND = Command(
    "find_orders_of_customer", ORDER_STATUS, Erasure, CustomersOrders, "고객의 주문 찾기 · Find the customer's orders"
)
ERASE_WORKFLOWS = Command(
    "erase_workflows", ORDER_STATUS, CustomersOrders, type(None), "워크플로 삭제 · Delete the orders' workflows"
)
ERASE_INSTALLATIONS = Command(
    "erase_installations",
    INSTALLATION,
    CustomersOrders,
    type(None),
    "설치 정보 삭제 · Erase the installations' data",
)
ERASE_ASSIGNMENTS = Command(
    "erase_assignments",
    MANAGEMENT_CENTER,
    CustomersOrders,
    type(None),
    "배정 정보 삭제 · Erase the assignments' data",
)
ERASE_VIEW = Command(
    "erase_view", ORDER_STATUS, CustomersOrders, type(None), "진행상태 정보 삭제 · Erase the progress view's data"
)
BEFORE_VIEW = (ERASE_INSTALLATIONS, ERASE_ASSIGNMENTS)
"""What the other contexts erase before the view loses an order, for by the view it is found."""


def workflow_id(customer_id: str) -> str:
    """The Temporal workflow that erases a customer's data; it does not tell whose."""
    return f"erasure-{hashlib.blake2b(customer_id.encode(), digest_size=16).hexdigest()}"


def skeleton(order: Order) -> Order:
    """What stays of an order: what was done when, by which role. A version that no late projection overwrites."""
    return replace(
        order,
        **erased(Order),
        attention=None,
        version=order.version + 1,
        history=[HistoryEntry(entry.event, entry.at, without_customer(entry.by)) for entry in order.history],
    )
