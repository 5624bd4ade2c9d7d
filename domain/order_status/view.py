"""Order status (진행상태): the read model's view of every order, and its queries."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.common.commands import Command, Priority
from domain.common.contexts import ORDER_STATUS
from domain.common.reach import EVERYTHING, Reach
from domain.common.texts import folded
from domain.common.times import UNSET
from domain.orders import Attention, HistoryEntry, Order

PROJECT_ORDER = Command(
    "project_order",
    ORDER_STATUS,
    Order,
    type(None),
    "진행상태 갱신 · Update the progress view",
    Priority.PROJECTION,
)
"""Stores the current order, unless a newer version is already stored."""


@dataclass
class OrderView:
    """An order as the read model stores it."""

    order: Order = field(default_factory=Order)
    updated_at: datetime = UNSET


@dataclass
class OrderChange:
    """One stored version of an order. `sequence` increases in commit order."""

    sequence: int
    view: OrderView
    left: bool = False
    """Whether the order has left the engineer within whose reach it was. Nothing more of it is shown then."""
    history_now: list[HistoryEntry] = field(default_factory=list)
    """To an engineer, the order's history up to now: whether they see the customer depends on it. Otherwise empty."""


@dataclass
class Owner:
    """Whose an order is, and where."""

    order_id: str
    customer_id: str
    engineer_id: str | None
    region: str | None


class Sort(StrEnum):
    """Sort key of a list of orders, ascending."""

    ORDER_DATE = "orderDate"
    UPDATED_AT = "updatedAt"
    ATTENTION_SINCE = "attentionSince"


@dataclass(frozen=True)
class OrderFilter:
    """Conditions that select orders. An order has to meet all that are set."""

    statuses: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    engineer_id: str | None = None
    customer_id: str | None = None
    attention: str | None = None
    """`true`: orders that ask for attention; `false`: orders that do not; otherwise a reason for attention."""
    q: str | None = None
    """Matches an order id, or a part of an engineer's name or an address."""
    reach: Reach = EVERYTHING
    """Limits by the order as it is now, whichever of its versions is selected."""
    attention_seen: frozenset[str] | None = None
    """Reasons for attention that are seen: `attention` takes an order with another for one without. `None`: all."""
    finds_customers: bool = False
    """Whether `q` also matches a part of a customer's name, and a telephone number by four or more of its digits."""

    def selects(self, order: Order) -> bool:
        """Return whether an order meets the conditions, whoever sees it. `finds_customers` is a matter of the store."""
        return (
            (not self.statuses or order.status in self.statuses)
            and (not self.regions or order.region in self.regions)
            and self.engineer_id in (None, order.engineer_id)
            and self.customer_id in (None, order.customer_id)
            and (self.attention is None or self._selects_attention(order.attention))
            and (self.q is None or order.order_id == self.q.strip() or folded(self.q) in searched(order))
        )

    def _selects_attention(self, attention: Attention | None) -> bool:
        seen = attention is not None and (self.attention_seen is None or attention.reason in self.attention_seen)
        if self.attention == "false":
            return not seen
        return attention is not None and seen and self.attention in ("true", attention.reason)


def searched(order: Order) -> str:
    """Return the text in which a search looks. A searched text never spans two lines."""
    return f"{folded(order.engineer_name or '')}\n{folded(order.installation_address)}"


@dataclass(frozen=True)
class FeedEntry:
    """One stored version of an order, for whoever may see it."""

    sequence: int
    view: OrderView
    former_engineer_id: str | None = None
    """The engineer whom the order has left with this version."""
    owner: Owner | None = None
    """Whose the order was when this was read. `None`: there was no such order any more."""

    def seen(self, wanted: OrderFilter, newest: "FeedEntry") -> OrderChange | None:
        """Return what somebody sees of it who listens with a filter, or None.

        The newest entry of the order tells whose it is now, which decides. Of an order that has left an engineer, there
        is the version with which it left, whatever the other conditions.
        """
        reach, order, owner = wanted.reach, self.view.order, newest.owner
        if reach.engineer_id is not None and reach.engineer_id == self.former_engineer_id:
            return OrderChange(self.sequence, self.view, left=True)
        within = not reach.limited or (owner is not None and reach.includes(owner))
        if within and reach.engineer_id in (None, order.engineer_id) and wanted.selects(order):
            history_now = [] if reach.engineer_id is None else newest.view.order.history
            return OrderChange(self.sequence, self.view, history_now=history_now)
        return None


@dataclass
class Need:
    """The orders that need a person for one reason."""

    orders: int = 0
    unacknowledged_since: datetime | None = None
    """Since when the oldest unacknowledged order has needed a person."""


@dataclass
class Summary:
    """Counts of orders by status and region."""

    total: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_region: dict[str, dict[str, int]] = field(default_factory=dict)
    attention: int = 0
    attention_by_reason: dict[str, Need] = field(default_factory=dict)
    oldest_by_status: dict[str, datetime] = field(default_factory=dict)
    """By status of open orders: the last change of the order that has been unchanged the longest."""
