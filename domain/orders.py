"""Order (가입신청): one customer's subscription to one product at one address, and its state transitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.common import search_attributes as names
from domain.common.actors import MANAGER, SYSTEM
from domain.common.errors import ChangedMeanwhile, IllegalTransition
from domain.common.open_enum import OpenStrEnum
from domain.common.personal import PERSONAL
from domain.common.times import UNSET
from domain.order_policy import OrderPolicy
from domain.visits import TimeWindow

WORKFLOW_TYPE = "SubscriptionWorkflow"
"""Workflow type of an order in Temporal."""


class Message(StrEnum):
    """Names of the messages to a running order, besides the engineer's (`EngineerAction`)."""

    ORDER = "order"
    CANCEL = "cancel"
    REQUEST_CANCEL = "request_cancel"
    ASSIGN_ENGINEER = "assign_engineer"
    RESCHEDULE = "reschedule"
    RECONSIDER = "reconsider"
    ACKNOWLEDGE = "acknowledge"


class OrderStatus(OpenStrEnum):
    """Status of an order (진행상태)."""

    JOIN_ORDERED = "JOIN_ORDERED"
    AWAITING_ENGINEER = "AWAITING_ENGINEER"
    ENGINEER_ASSIGNED = "ENGINEER_ASSIGNED"
    INSTALLATION_REQUESTED = "INSTALLATION_REQUESTED"
    INSTALLATION_ACCEPTED = "INSTALLATION_ACCEPTED"
    AWAITING_RESCHEDULE = "AWAITING_RESCHEDULE"
    JOIN_COMPLETED = "JOIN_COMPLETED"
    CANCEL_ORDERED = "CANCEL_ORDERED"
    ORDER_CANCELED = "ORDER_CANCELED"

    @property
    def final(self) -> bool:
        """Whether the status can no longer change. A status of a newer release does not count as final."""
        return self in (OrderStatus.JOIN_COMPLETED, OrderStatus.ORDER_CANCELED)


class Event(OpenStrEnum):
    """What happened to an order, in the past tense."""

    JOIN_ORDERED = "JoinOrdered"
    ENGINEER_AWAITED = "EngineerAwaited"
    ORDER_ACCEPTED = "OrderAccepted"
    ENGINEER_REASSIGNED = "EngineerReassigned"
    INSTALLATION_REQUESTED = "InstallationRequested"
    INSTALLATION_ACCEPTED = "InstallationAccepted"
    INSTALLATION_DECLINED = "InstallationDeclined"
    INSTALLATION_UNANSWERED = "InstallationUnanswered"
    VISIT_RESCHEDULED = "VisitRescheduled"
    VISIT_LOST = "VisitLost"
    INSTALLATION_STARTED = "InstallationStarted"
    INSTALLATION_INCOMPLETE = "InstallationIncomplete"
    INSTALLATION_COMPLETED = "InstallationCompleted"
    JOIN_COMPLETED = "JoinCompleted"
    CANCEL_ORDERED = "CancelOrdered"
    INSTALLATION_CANCELED = "InstallationCanceled"
    ORDER_CANCELED = "OrderCanceled"
    ORDER_CANCEL_REJECTED = "OrderCancelRejected"
    ATTENTION_ACKNOWLEDGED = "AttentionAcknowledged"
    PERSONAL_DATA_ERASED = "PersonalDataErased"


_UNASSIGNED = (OrderStatus.JOIN_ORDERED, OrderStatus.AWAITING_ENGINEER)
_REQUESTED = (OrderStatus.INSTALLATION_REQUESTED, OrderStatus.INSTALLATION_ACCEPTED)
_ASSIGNED = (OrderStatus.ENGINEER_ASSIGNED, *_REQUESTED)
_FAILED = (OrderStatus.AWAITING_RESCHEDULE,)
_OPEN = _UNASSIGNED + _ASSIGNED + _FAILED

TRANSITIONS: Mapping[Event, tuple[tuple[OrderStatus, ...], OrderStatus | None]] = {
    Event.ENGINEER_AWAITED: (_UNASSIGNED + _ASSIGNED, OrderStatus.AWAITING_ENGINEER),
    Event.ORDER_ACCEPTED: (_UNASSIGNED, OrderStatus.ENGINEER_ASSIGNED),
    Event.ENGINEER_REASSIGNED: (_REQUESTED + _FAILED, OrderStatus.ENGINEER_ASSIGNED),
    Event.VISIT_RESCHEDULED: (_ASSIGNED + _FAILED, OrderStatus.ENGINEER_ASSIGNED),
    Event.VISIT_LOST: (_ASSIGNED, OrderStatus.AWAITING_RESCHEDULE),
    Event.INSTALLATION_REQUESTED: ((OrderStatus.ENGINEER_ASSIGNED,), OrderStatus.INSTALLATION_REQUESTED),
    Event.INSTALLATION_ACCEPTED: ((OrderStatus.INSTALLATION_REQUESTED,), OrderStatus.INSTALLATION_ACCEPTED),
    Event.INSTALLATION_DECLINED: ((OrderStatus.INSTALLATION_REQUESTED,), OrderStatus.JOIN_ORDERED),
    Event.INSTALLATION_UNANSWERED: ((OrderStatus.INSTALLATION_REQUESTED,), OrderStatus.JOIN_ORDERED),
    Event.INSTALLATION_STARTED: ((OrderStatus.INSTALLATION_ACCEPTED,), None),
    Event.INSTALLATION_INCOMPLETE: ((OrderStatus.INSTALLATION_ACCEPTED,), OrderStatus.AWAITING_RESCHEDULE),
    Event.INSTALLATION_COMPLETED: ((OrderStatus.INSTALLATION_ACCEPTED,), None),
    Event.JOIN_COMPLETED: ((OrderStatus.INSTALLATION_ACCEPTED,), OrderStatus.JOIN_COMPLETED),
    Event.CANCEL_ORDERED: (_OPEN, OrderStatus.CANCEL_ORDERED),
    Event.INSTALLATION_CANCELED: ((OrderStatus.CANCEL_ORDERED,), None),
    Event.ORDER_CANCELED: ((OrderStatus.CANCEL_ORDERED,), OrderStatus.ORDER_CANCELED),
    Event.ORDER_CANCEL_REJECTED: ((*_ASSIGNED, OrderStatus.JOIN_COMPLETED), None),
    Event.ATTENTION_ACKNOWLEDGED: ((*_OPEN, OrderStatus.CANCEL_ORDERED), None),
}
"""For each event of a running order: the statuses in which it may happen, and the next one (`None`: it stays)."""


class AttentionReason(OpenStrEnum):
    """Why a person should look at an order."""

    NO_SERVICE_AREA = "NO_SERVICE_AREA"
    AMBIGUOUS_ADDRESS = "AMBIGUOUS_ADDRESS"
    NO_ENGINEER = "NO_ENGINEER"
    NO_CAPACITY = "NO_CAPACITY"
    VISIT_LOST = "VISIT_LOST"
    VISIT_FAILED = "VISIT_FAILED"
    VISIT_UNREPORTED = "VISIT_UNREPORTED"
    ORDER_CLOSED_ELSEWHERE = "ORDER_CLOSED_ELSEWHERE"
    MANAGEMENT_CENTER_UNAVAILABLE = "MANAGEMENT_CENTER_UNAVAILABLE"
    INSTALLATION_UNAVAILABLE = "INSTALLATION_UNAVAILABLE"
    WORKFLOW_LOST = "WORKFLOW_LOST"


@dataclass
class Attention:
    """A request that a person look at the order: the reason, and since when."""

    reason: str = ""
    since: datetime = UNSET
    detail: str | None = None
    acknowledged_by: str | None = None
    """Who has acknowledged the request."""
    acknowledged_at: datetime | None = None


@dataclass
class HistoryEntry:
    """One event of an order's history: what happened, when, and by whom."""

    event: str = ""
    at: datetime = UNSET
    by: str = SYSTEM
    detail: str | None = None
    region: str | None = None
    engineer_id: str | None = None
    visit: TimeWindow | None = None
    """Region, engineer and visit of the order after the event. Entries of earlier releases lack them."""
    round: int | None = None
    """The last assignment round that has found an engineer."""


@dataclass
class Order:
    """Complete published state of one order. Every field has a default, for values that an older release recorded."""

    order_id: str = ""
    customer_id: str = field(default="", metadata=PERSONAL)
    customer_name: str | None = field(default=None, metadata=PERSONAL)
    contact_phone: str | None = field(default=None, metadata=PERSONAL)
    note: str | None = field(default=None, metadata=PERSONAL)
    product_id: str = ""
    product_name: str = ""
    installation_address: str = field(default="", metadata=PERSONAL)
    order_date: str = ""
    """`YYYY-MM-DD`."""
    preferred_visit: datetime | None = field(default=None, metadata=PERSONAL)
    status: OrderStatus = OrderStatus.JOIN_ORDERED
    region: str | None = None
    """ISO 3166-2:KR code, set by the first search for an engineer."""
    engineer_id: str | None = None
    engineer_name: str | None = None
    visit: TimeWindow | None = None
    install_completed_at: datetime | None = None
    attention: Attention | None = None
    version: int = 0
    """Increases with every change; 0 is the order as it was placed."""
    history: list[HistoryEntry] = field(default_factory=list)

    @property
    def declined_by(self) -> frozenset[str]:
        """Ids of the engineers who declined this order or did not answer."""
        declined, requested_from = set(), ""
        for entry in self.history:
            if entry.event == Event.INSTALLATION_REQUESTED:
                requested_from = (entry.detail or "").removeprefix("engineer:")
            elif entry.event in (Event.INSTALLATION_DECLINED, Event.INSTALLATION_UNANSWERED):
                declined.add(requested_from)
        return frozenset(declined)

    def mark_ordered(self, *, at: datetime, by: str | None = None) -> None:
        """Begin the history with the order itself, by the customer or by `by` on their behalf. The version stays 0."""
        self.history = [HistoryEntry(Event.JOIN_ORDERED, at, by or f"customer:{self.customer_id}")]

    def actor(self, by: str) -> str:
        """Return the actor for the history. `customer` without an id stands for the customer of this order."""
        return f"customer:{self.customer_id}" if by == "customer" else by

    def allows(self, event: Event) -> bool:
        """Whether `event` may happen in the current status."""
        allowed, _ = TRANSITIONS[event]
        return self.status in allowed

    def record(
        self, event: Event, *, at: datetime, by: str = SYSTEM, detail: str | None = None, round_: int | None = None
    ) -> None:
        """Record that `event` happened, in a new assignment round if one is given. Status and history change only here.

        Raises:
            IllegalTransition: the status does not allow the event; nothing has changed.
        """
        _, status = TRANSITIONS[event]
        if not self.allows(event):
            raise IllegalTransition(f"{event} cannot follow {self.status}")
        self.status = status or self.status
        if round_ is None and self.history:
            round_ = self.history[-1].round
        self.history.append(HistoryEntry(event, at, by, detail, self.region, self.engineer_id, self.visit, round_))
        self._changed(at)

    def refuse_other_version(self, expected: int | None) -> ChangedMeanwhile | None:
        """Return the refusal of a request that is based on another version (`None`: on none), or `None`."""
        if expected in (None, self.version):
            return None
        return ChangedMeanwhile("the order has changed meanwhile; look at it again")

    def ask_for_attention(self, attention: Attention | None, *, at: datetime) -> None:
        """Ask for attention, or (`None`) withdraw the request for it."""
        if attention != self.attention:
            self.attention = attention
            self._changed(at)

    @property
    def known(self) -> bool:
        """Whether this release knows the status, every event of the history, and the reason for attention."""
        return (
            self.status.known
            and all(Event(entry.event).known for entry in self.history)
            and (self.attention is None or AttentionReason(self.attention.reason).known)
        )

    def _changed(self, at: datetime) -> None:
        # Milliseconds, so that an order that was reset to an earlier point still overtakes its earlier projections.
        self.version = max(self.version + 1, int(at.timestamp() * 1000))


@dataclass
class Subscription:
    """Input of `SubscriptionWorkflow`: the order as it was placed, and the policy at that time."""

    order: Order = field(default_factory=Order)
    policy: OrderPolicy = field(default_factory=OrderPolicy)


@dataclass(frozen=True)
class CancelRequest:
    """Request of a customer or a manager to cancel the order."""

    by: str = SYSTEM
    reason: str | None = None
    expected_version: int | None = None
    """Version of the order on which the request is based. The order refuses it at any other. `None`: at any."""
    expires_at: datetime | None = None
    """When the order begins to refuse the request, because its sender was told that nobody took it. `None`: never."""


@dataclass(frozen=True)
class RescheduleRequest:
    """Request of a customer or a manager for another visit window, given by its start."""

    start: datetime = UNSET
    by: str = SYSTEM
    expected_version: int | None = None
    """As in `CancelRequest`."""


@dataclass(frozen=True)
class Acknowledgement:
    """A manager acknowledges the request for attention."""

    by: str = MANAGER


def workflow_id(order_id: str) -> str:
    """Return the id of the workflow that carries the order."""
    return f"order-{order_id}"


def order_of(workflow_id: str) -> str | None:
    """Return the id of the order that a workflow carries, or `None`."""
    return workflow_id.removeprefix("order-") if workflow_id.startswith("order-") else None


def search_attributes(order: Order) -> dict[str, str | None]:
    """Return the values by which Temporal lists an order, by the names of its search attributes."""
    return {
        names.ORDER_STATUS: order.status.value,
        names.REGION: order.region,
        names.ENGINEER_ID: order.engineer_id,
        names.ATTENTION: order.attention.reason if order.attention else None,
    }
