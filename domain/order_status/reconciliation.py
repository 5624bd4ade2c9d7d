"""Reconciliation (대사): compares the managers' view with the orders' workflows and repairs differences.

`ReconciliationWorkflow` carries it out, one pass at a time. A Temporal schedule starts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.common.commands import Command
from domain.common.contexts import INSTALLATION, ORDER_STATUS
from domain.common.open_enum import OpenStrEnum
from domain.common.times import UNSET
from domain.installation import CancelInstallation, Installation, InstallationStatus, OrderDetails
from domain.orders import CancelRequest, Event, Order, OrderStatus

WORKFLOW_TYPE = "ReconciliationWorkflow"
"""Workflow type in Temporal."""
SCHEDULE_ID = "order-status-reconciliation"
WORKFLOW_ID = "reconciliation"
"""Prefix of the ids of the workflows that the schedule starts. The start time follows it."""
TERMINATED = "the workflow was terminated"
"""Reason of the cancellation of an order that nobody has canceled."""
_AFTER_TERMINATION = CancelRequest(reason=TERMINATED)


class Repair(OpenStrEnum):
    """What was repaired, or (`UNANSWERED`) could not be repaired in this pass."""

    MISSED = "missed"
    """The order was not in the view."""
    STALE = "stale"
    """The view differed from the order's workflow."""
    ENDED = "ended"
    """The workflow was ended from outside. The order has been ended without it."""
    LOST = "lost"
    """Temporal does not know the order, which had not ended. The order asks for attention."""
    EXPIRED = "expired"
    """The order ended longer ago than the view keeps orders."""
    MISCOUNTED = "miscounted"
    """The order was counted wrongly, because the release before had deleted it without counting."""
    UNANSWERED = "unanswered"
    """The order's state is unknown, a context could not do its part, or only a newer release knows the stored value.
    The next pass tries again."""


@dataclass(frozen=True)
class Reconciliation:
    """Plan of one pass, and its progress."""

    quiet_for: float = 60
    """Seconds. Orders that changed within this time are left to their own projection, and to the next pass."""
    keep_for: float = 0
    """Seconds for which the view keeps an order that has ended; 0: forever."""
    end_lost: bool = False
    """End orders that Temporal does not know, as if their workflows had been terminated. An operator decides this."""
    since: datetime = UNSET
    """Earlier passes have checked the orders that were started before this time."""
    until: datetime = UNSET
    """Orders that changed after this time are skipped. Unset before the pass has begun."""
    part: int = 0
    """Index of the current part in `PARTS`."""
    after: str | None = None
    """Cursor in the current part; `None` at its beginning."""
    forgotten: bool = False
    """Whether expired orders have been deleted. Expired changes of the event stream may be left."""
    repaired: Mapping[Repair, int] = field(default_factory=dict)
    only: str | None = None
    """Check only this order: somebody cancels it, and no workflow is left to receive that."""
    cancel: CancelRequest = _AFTER_TERMINATION
    """Who cancels the orders that have no workflow any more, and why."""
    details_after: str = ""
    """The search for installations that lack details continues after this order id."""
    lasts_for: float = 0
    """Seconds after which the pass leaves the rest of the view's orders to the next pass; 0: it checks all."""
    rest_part: int = 1
    """Index in `PARTS` of the part of the view with which the pass goes on after the recently started workflows."""
    rest_after: str | None = None
    """Cursor in that part: earlier passes have checked what is before."""


PARTS: tuple[OrderStatus | None, ...] = (None, *(status for status in OrderStatus if not status.final))
"""Parts of a pass: recently started workflows (`None`), then the view's orders in each status that is not final."""


@dataclass
class Reconciled:
    """Result of a pass. The next pass continues from it."""

    since: datetime = UNSET
    """Every order that was started before this time is in the view."""
    repaired: dict[Repair, int] = field(default_factory=dict)
    details_after: str = ""
    """The next pass searches after this order id for installations that lack details. Empty: from the beginning."""
    rest_part: int = 1
    """Index in `PARTS` of the part of the view with which the next pass goes on."""
    rest_after: str | None = None
    """Cursor in that part; `None` at its beginning."""


@dataclass
class Look:
    """Compare a page of orders with their workflows: the view's orders in a status, or recently started ones."""

    status: OrderStatus | None = None
    since: datetime = UNSET
    until: datetime = UNSET
    after: str | None = None
    end_lost: bool = False
    only: str | None = None
    """Compare only this order. If Temporal does not know it, it is to be ended."""


@dataclass
class Found:
    """What a comparison found and repaired, and what is left for the workflow to do."""

    next: str | None = None
    """Cursor of the next page, or `None`."""
    ended: list[Order] = field(default_factory=list)
    """Orders whose workflows were ended from outside, as they were at that time."""
    repaired: dict[Repair, int] = field(default_factory=dict)


@dataclass
class Recount:
    """Compare the counts of the view with its orders."""


@dataclass
class Expired:
    """A batch of orders past their retention time. It is empty only if no such orders are left."""

    order_ids: list[str] = field(default_factory=list)
    before: datetime = UNSET
    """All these orders ended before this time."""


@dataclass
class LackingDetails:
    """A batch of orders, by id, whose open installations come from an earlier release and lack details."""

    order_ids: list[str] = field(default_factory=list)
    until: datetime = UNSET
    """Orders that changed after this time are left to the next pass."""


@dataclass
class FoundDetails:
    """The missing details, as far as the view has them."""

    orders: list[OrderDetails] = field(default_factory=list)


@dataclass
class EndOrder:
    """End an order in the view that has no workflow any more. Its installation decides how it ended."""

    order: Order = field(default_factory=Order)
    installation: Installation = field(default_factory=Installation)
    cancel: CancelRequest = _AFTER_TERMINATION


LOOK = Command("look_at_orders", ORDER_STATUS, Look, Found, "대조 · Compare the view with the workflows")
END_INSTALLATION = Command(
    "end_installation", INSTALLATION, CancelInstallation, Installation, "설치 종료 · Cancel the installation, if open"
)
"""Cancels as `cancel_installation` does, and returns the newest installation, which may be completed."""
END_ORDER = Command("end_order", ORDER_STATUS, EndOrder, type(None), "가입신청 종료 · Show the order as ended")
FIND_EXPIRED = Command("find_expired_orders", ORDER_STATUS, float, Expired, "보존 기한 · Find what is kept no longer")
"""Input: seconds for which an order that has ended is kept."""
FORGET = Command("forget_orders", ORDER_STATUS, Expired, type(None), "보존 기한 · Forget orders kept no longer")
"""Runs after the other contexts have erased the customers' data: afterwards these orders cannot be found any more."""
FINISH = Command(
    "finish_reconciliation", ORDER_STATUS, float, int, "보존 기한 · Forget changes that are kept no longer"
)
"""Input: seconds for which an order that has ended is kept (0: forever). Returns how many changes of the event stream
were deleted, and has to be repeated until that is 0. With 0, the pass has succeeded."""
RECOUNT = Command(
    "recount_orders", ORDER_STATUS, Recount, int, "건수 점검 · Compare the counts of the view with its orders"
)
"""Corrects the counts. Returns how many orders were counted wrongly."""
FIND_LACKING_DETAILS = Command(
    "find_installations_lacking_details",
    INSTALLATION,
    str,
    LackingDetails,
    "설치 정보 보충 · Find installations that lack details of their orders",
)
"""Input: the order id after which the search begins."""
FIND_DETAILS = Command(
    "find_order_details", ORDER_STATUS, LackingDetails, FoundDetails, "설치 정보 보충 · Find the orders' details"
)
ADD_DETAILS = Command(
    "add_order_details",
    INSTALLATION,
    FoundDetails,
    type(None),
    "설치 정보 보충 · Add the details to the installations that lack them",
)

_UNRECORDED = {
    OrderStatus.JOIN_ORDERED: Event.ORDER_ACCEPTED,
    OrderStatus.AWAITING_ENGINEER: Event.ORDER_ACCEPTED,
    OrderStatus.AWAITING_RESCHEDULE: Event.VISIT_RESCHEDULED,
    OrderStatus.ENGINEER_ASSIGNED: Event.INSTALLATION_REQUESTED,
    OrderStatus.INSTALLATION_REQUESTED: Event.INSTALLATION_ACCEPTED,
}
"""By status: the event that must have happened to an order whose installation was completed, but is not recorded."""


def end(order: Order, installation: Installation, cancel: CancelRequest, *, at: datetime) -> None:
    """End an order as its installation ended: completed, or otherwise canceled as requested."""
    if order.status.final:
        return
    order.ask_for_attention(None, at=at)
    if installation.status is InstallationStatus.COMPLETED and order.status is not OrderStatus.CANCEL_ORDERED:
        while (unrecorded := _UNRECORDED.get(order.status)) is not None:
            order.record(unrecorded, at=at)
        order.install_completed_at = installation.completed_at
        order.record(Event.INSTALLATION_COMPLETED, at=at)
        order.record(Event.JOIN_COMPLETED, at=at, detail=TERMINATED)
        return
    if order.status is not OrderStatus.CANCEL_ORDERED:
        order.record(Event.CANCEL_ORDERED, at=at, by=order.actor(cancel.by), detail=cancel.reason)
    order.record(Event.INSTALLATION_CANCELED, at=at)
    order.record(Event.ORDER_CANCELED, at=at)
