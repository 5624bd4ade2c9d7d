"""Order status (진행상태): the read model's own view of every order, and what can be asked of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.common.commands import Command
from domain.common.contexts import ORDER_STATUS
from domain.common.times import UNSET
from domain.orders import Order

PROJECT_ORDER = Command("project_order", ORDER_STATUS, Order, type(None), "진행상태 갱신 · Update the progress view")
"""Store the order as it stands, unless something newer is stored already."""


@dataclass
class OrderView:
    """An order as the read model has it."""

    order: Order = field(default_factory=Order)
    updated_at: datetime = UNSET


@dataclass
class OrderChange:
    """One stored version of an order; `sequence` rises in the order of their commits."""

    sequence: int
    view: OrderView


class Sort(StrEnum):
    """What a list of orders is sorted by, ascending."""

    ORDER_DATE = "orderDate"
    UPDATED_AT = "updatedAt"
    ATTENTION_SINCE = "attentionSince"


@dataclass(frozen=True)
class OrderFilter:
    """Which orders: all conditions that are given hold."""

    statuses: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    engineer_id: str | None = None
    customer_id: str | None = None
    attention: str | None = None
    """`true`: someone is needed; `false`: nobody is; else the reason."""
    q: str | None = None
    """Finds an order id, a part of an engineer's name or of an address."""


@dataclass
class Summary:
    """How many orders stand where."""

    total: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_region: dict[str, dict[str, int]] = field(default_factory=dict)
    attention: int = 0
