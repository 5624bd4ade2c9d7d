"""Erasure (개인정보 삭제): deletes a customer's personal data. Skeletons of their orders stay, for the counts.

`ErasureWorkflow` carries it out, once none of the customer's orders is open.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.common.actors import SYSTEM, without_customer
from domain.common.commands import Command
from domain.common.contexts import INSTALLATION, MANAGEMENT_CENTER, ORDER_STATUS
from domain.common.personal import erased
from domain.orders import Event, HistoryEntry, Order

WORKFLOW_TYPE = "ErasureWorkflow"
"""Workflow type in Temporal."""


@dataclass(frozen=True)
class Erasure:
    """Input of the workflow: the customer, and how many orders have been erased so far."""

    customer_id: str = ""
    erased: int = 0


@dataclass(frozen=True)
class Erased:
    """Result of an erasure."""

    orders: int = 0
    refused: bool = False
    """Whether nothing was erased because an order of the customer is open."""


@dataclass(frozen=True)
class CustomersOrders:
    """A batch of orders that have ended, of one customer or past their retention time.

    The batch is empty only if no such orders are left.
    """

    order_ids: list[str] = field(default_factory=list)
    open: bool = False
    """Whether the customer has other orders that have not ended."""


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
"""Commands that run before the view erases an order, because the view is what finds the order."""


def workflow_id(customer_id: str) -> str:
    """Return the id of the workflow that erases a customer's data. It does not reveal the customer."""
    return f"erasure-{hashlib.blake2b(customer_id.encode(), digest_size=16).hexdigest()}"


def skeleton(order: Order, *, at: datetime) -> Order:
    """Return what stays of an order that is erased at a time: what was done, when, and by which role.

    Its version is one higher, so that no late projection overwrites it.
    """
    history = [replace(entry, by=without_customer(entry.by), detail=None) for entry in order.history]
    if not history or history[-1].event != Event.PERSONAL_DATA_ERASED:
        round_ = history[-1].round if history else None
        now = HistoryEntry(Event.PERSONAL_DATA_ERASED, at, SYSTEM, None, order.region, order.engineer_id, order.visit)
        history.append(replace(now, round=round_))
    return replace(
        order,
        **erased(Order),
        attention=None,
        version=order.version + 1,
        history=history,
    )
