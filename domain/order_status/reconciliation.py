"""Reconciliation (대사): the managers' view is compared with the orders' workflows, and put right where they differ.

`ReconciliationWorkflow` does it, one pass at a time, as a schedule of Temporal's says.
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
"""The name under which Temporal knows the workflow."""
SCHEDULE_ID = "order-status-reconciliation"
WORKFLOW_ID = "reconciliation"
"""Of the workflows that it starts, before the time of each."""
TERMINATED = "the workflow was terminated"
"""Why an order is canceled that nobody has canceled."""
_NOBODYS = CancelRequest(reason=TERMINATED)


class Repair(OpenStrEnum):
    """What was put right, or (`UNANSWERED`) could not be for now."""

    MISSED = "missed"
    """The order was not in the view."""
    STALE = "stale"
    """The view did not show the order as its workflow tells it."""
    ENDED = "ended"
    """The workflow was ended from outside: the order has been brought to its end without it."""
    LOST = "lost"
    """Temporal does not know the order, which had not ended: a person is asked for."""
    EXPIRED = "expired"
    """The order had ended longer ago than the view keeps it."""
    UNANSWERED = "unanswered"
    """Nobody told how the order stands, a context could not do its part, or only a newer release knows what is shown:
    the next pass asks again."""


@dataclass(frozen=True)
class Reconciliation:
    """One pass: what it looks at, and how far it has come."""

    quiet_for: float = 60
    """Seconds. What has changed within them is left to the orders' own projection, and to the next pass."""
    keep_for: float = 0
    """Seconds for which the view keeps an order that has ended; 0: for ever."""
    end_lost: bool = False
    """End the orders that Temporal does not know, as if their workflows had been terminated: an operator's decision."""
    since: datetime = UNSET
    """Orders that were started before have been looked for in the view by an earlier pass."""
    until: datetime = UNSET
    """What has changed after this is left alone; unset before the pass has begun."""
    part: int = 0
    """Of `PARTS`, the one that it is at."""
    after: str | None = None
    """Where it is in that part; `None` at its beginning."""
    forgotten: bool = False
    """The orders that are kept no longer have been forgotten; changes of the event stream may be left."""
    repaired: Mapping[Repair, int] = field(default_factory=dict)
    only: str | None = None
    """Nothing but this order: somebody cancels it, and no workflow takes that any more."""
    cancel: CancelRequest = _NOBODYS
    """By whom and why the orders are canceled that no workflow carries any more."""
    details_after: str = ""
    """The order after which it looks for installations that lack details."""


PARTS: tuple[OrderStatus | None, ...] = (None, *(status for status in OrderStatus if not status.final))
"""A pass looks at the workflows that were started lately, then at the view's orders in each status that is no end."""


@dataclass
class Reconciled:
    """What a pass has done; the next one begins with it."""

    since: datetime = UNSET
    """Every order that was started before is in the view."""
    repaired: dict[Repair, int] = field(default_factory=dict)
    details_after: str = ""
    """The next pass looks after this order for installations that lack details; empty: from the beginning."""


@dataclass
class Look:
    """Compare some orders with their workflows: a page of the view's in a status, or of those started lately."""

    status: OrderStatus | None = None
    since: datetime = UNSET
    until: datetime = UNSET
    after: str | None = None
    end_lost: bool = False
    only: str | None = None
    """This order instead; also where Temporal does not know it, it is to be ended."""


@dataclass
class Found:
    """What a look has found and put right, and what is left for the workflow to do."""

    next: str | None = None
    """Where the next page begins, if there is one."""
    ended: list[Order] = field(default_factory=list)
    """Orders as they were when their workflows were ended from outside."""
    repaired: dict[Repair, int] = field(default_factory=dict)


@dataclass
class Expired:
    """Orders that ended too long ago: some of them, and none only where there are no more."""

    order_ids: list[str] = field(default_factory=list)
    before: datetime = UNSET
    """When they had ended, at the latest."""


@dataclass
class LackingDetails:
    """Orders whose open installations were requested by an earlier release, and lack details: some, in order of ids."""

    order_ids: list[str] = field(default_factory=list)
    until: datetime = UNSET
    """Orders that have changed since are left to the next pass."""


@dataclass
class FoundDetails:
    """Those details, as far as the view has them."""

    orders: list[OrderDetails] = field(default_factory=list)


@dataclass
class EndOrder:
    """Show an order as ended that no workflow carries any more, as its installation says."""

    order: Order = field(default_factory=Order)
    installation: Installation = field(default_factory=Installation)
    cancel: CancelRequest = _NOBODYS


LOOK = Command("look_at_orders", ORDER_STATUS, Look, Found, "대조 · Compare the view with the workflows")
END_INSTALLATION = Command(
    "end_installation", INSTALLATION, CancelInstallation, Installation, "설치 종료 · Cancel the installation, if open"
)
"""Cancels as `cancel_installation` does, and answers with the newest installation: it may be completed."""
END_ORDER = Command("end_order", ORDER_STATUS, EndOrder, type(None), "가입신청 종료 · Show the order as ended")
FIND_EXPIRED = Command("find_expired_orders", ORDER_STATUS, float, Expired, "보존 기한 · Find what is kept no longer")
"""Input with the seconds for which an order that has ended is kept."""
FORGET = Command("forget_orders", ORDER_STATUS, Expired, type(None), "보존 기한 · Forget orders kept no longer")
"""Once the other contexts have erased their customers' data: afterwards nobody finds these."""
FINISH = Command(
    "finish_reconciliation", ORDER_STATUS, float, int, "보존 기한 · Forget changes that are kept no longer"
)
"""Input with the seconds for which an order that has ended is kept (0: for ever); answers how many of the event
stream's changes were forgotten, and has to be asked again until that is none. With none the pass has succeeded."""
FIND_LACKING_DETAILS = Command(
    "find_installations_lacking_details",
    INSTALLATION,
    str,
    LackingDetails,
    "설치 정보 보충 · Find installations that lack details of their orders",
)
"""Input with the order after which it looks."""
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

_UNTOLD = {
    OrderStatus.JOIN_ORDERED: Event.ORDER_ACCEPTED,
    OrderStatus.AWAITING_ENGINEER: Event.ORDER_ACCEPTED,
    OrderStatus.AWAITING_RESCHEDULE: Event.VISIT_RESCHEDULED,
    OrderStatus.ENGINEER_ASSIGNED: Event.INSTALLATION_REQUESTED,
    OrderStatus.INSTALLATION_REQUESTED: Event.INSTALLATION_ACCEPTED,
}
"""What must have happened to an order whose installation was completed, though its workflow told nobody."""


def end(order: Order, installation: Installation, cancel: CancelRequest, *, at: datetime) -> None:
    """Bring an order to the end that its installation has come to: completed, or else canceled, as was wished."""
    if order.status.final:
        return
    order.ask_for_attention(None, at=at)
    if installation.status is InstallationStatus.COMPLETED and order.status is not OrderStatus.CANCEL_ORDERED:
        while (untold := _UNTOLD.get(order.status)) is not None:
            order.record(untold, at=at)
        order.install_completed_at = installation.completed_at
        order.record(Event.INSTALLATION_COMPLETED, at=at)
        order.record(Event.JOIN_COMPLETED, at=at, detail=TERMINATED)
        return
    if order.status is not OrderStatus.CANCEL_ORDERED:
        order.record(Event.CANCEL_ORDERED, at=at, by=order.actor(cancel.by), detail=cancel.reason)
    order.record(Event.INSTALLATION_CANCELED, at=at)
    order.record(Event.ORDER_CANCELED, at=at)
