"""Installation (설치): an engineer's job for one order. Each assignment round has its own installation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.common.commands import Command, Priority
from domain.common.contexts import INSTALLATION
from domain.common.open_enum import OpenStrEnum
from domain.common.personal import PERSONAL
from domain.common.times import UNSET
from domain.orders import Event, HistoryEntry, Order
from domain.visits import TimeWindow


class InstallationStatus(OpenStrEnum):
    """Status of the engineer's job."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    DECLINED = "DECLINED"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    CANCELED = "CANCELED"

    @property
    def open(self) -> bool:
        """Whether the engineer still has work to do. A status of a newer release counts as open."""
        return self not in (
            InstallationStatus.DECLINED,
            InstallationStatus.COMPLETED,
            InstallationStatus.INCOMPLETE,
            InstallationStatus.CANCELED,
        )


class IncompleteReason(StrEnum):
    """Why a visit did not lead to an installation."""

    CUSTOMER_ABSENT = "CUSTOMER_ABSENT"
    FACILITY_PROBLEM = "FACILITY_PROBLEM"
    EQUIPMENT_PROBLEM = "EQUIPMENT_PROBLEM"
    OTHER = "OTHER"


@dataclass
class Installation:
    """One engineer's job for one order."""

    order_id: str = ""
    round: int = 0
    """Round of the assignment; 0 for an order that was canceled before its first assignment."""
    engineer_id: str | None = None
    engineer_name: str | None = None
    installation_address: str = field(default="", metadata=PERSONAL)
    customer_name: str | None = field(default=None, metadata=PERSONAL)
    contact_phone: str | None = field(default=None, metadata=PERSONAL)
    product_name: str = ""
    visit: TimeWindow | None = None
    status: InstallationStatus = InstallationStatus.REQUESTED
    status_at: datetime = UNSET
    completed_at: datetime | None = None
    reason: str | None = field(default=None, metadata=PERSONAL)
    """Why the installation was declined, canceled or left incomplete."""
    note: str | None = field(default=None, metadata=PERSONAL)
    """The engineer's note about the visit."""
    serials: list[str] = field(default_factory=list)
    """Serial numbers of the installed equipment."""
    region: str | None = None
    """Region of the order, which may differ from the engineer's. `None` in rows of earlier releases."""
    customer_note: str | None = field(default=None, metadata=PERSONAL)
    """Note of the order. `None` in rows of earlier releases."""
    product_id: str | None = None
    """Product of the order. `None` in rows of earlier releases."""
    customer_id: str | None = field(default=None, metadata=PERSONAL)
    """Customer of the order. `None` in rows of earlier releases."""


_ASSIGNED = (Event.ORDER_ACCEPTED, Event.ENGINEER_REASSIGNED, Event.VISIT_RESCHEDULED)
_WORK_ENDED = (
    Event.INSTALLATION_DECLINED,
    Event.INSTALLATION_UNANSWERED,
    Event.ENGINEER_AWAITED,
    Event.VISIT_LOST,
    Event.INSTALLATION_INCOMPLETE,
    Event.INSTALLATION_COMPLETED,
    Event.INSTALLATION_CANCELED,
)


@dataclass(frozen=True)
class ContactPolicy:
    """How long the engineer of an installation sees who the customer is, and how to reach them."""

    visible_for: timedelta = timedelta(days=7)
    """Time after the engineer's work has ended. Before, they always see it."""

    def shows(self, installation: Installation, at: datetime) -> bool:
        """Return whether the engineer sees it at a time."""
        return installation.status.open or at < installation.status_at + self.visible_for

    def shows_order(self, history: Sequence[HistoryEntry], at: datetime) -> bool:
        """Return whether the engineer of an order with this history sees it at a time, as at their installation."""
        requested, ended = False, None
        for entry in history:
            if entry.event in _ASSIGNED:
                requested, ended = False, None
            elif entry.event == Event.INSTALLATION_REQUESTED:
                requested, ended = True, None
            elif entry.event in _WORK_ENDED and ended is None:
                ended = entry.at
        return requested and (ended is None or at < ended + self.visible_for)


@dataclass
class RequestInstallation:
    """Request the installation from the engineer of a round, and cancel open installations of earlier rounds."""

    order_id: str = ""
    round: int = 1
    engineer_id: str = ""
    engineer_name: str = ""
    installation_address: str = ""
    customer_name: str | None = None
    contact_phone: str | None = None
    product_name: str = ""
    visit: TimeWindow | None = None
    region: str | None = None
    customer_note: str | None = None
    product_id: str | None = None
    customer_id: str | None = None

    @classmethod
    def of(cls, order: Order, round_: int) -> "RequestInstallation":
        """Create the request to the engineer of an order in this round."""
        engineer = {"engineer_id": order.engineer_id or "", "engineer_name": order.engineer_name or ""}
        return cls(**_shared(cls, order) | engineer, round=round_)


@dataclass
class RecordAnswer:
    """Record what the engineer of a round decided or reported."""

    order_id: str = ""
    round: int = 1
    at: datetime = UNSET
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)


@dataclass
class CancelInstallation:
    """Cancel the order's installations in every round. A later request does not reopen them."""

    order_id: str = ""
    installation_address: str = ""
    customer_name: str | None = None
    contact_phone: str | None = None
    product_name: str = ""
    reason: str | None = None
    region: str | None = None
    customer_note: str | None = None
    product_id: str | None = None
    customer_id: str | None = None

    @classmethod
    def of(cls, order: Order, reason: str | None) -> "CancelInstallation":
        """Create the cancel of an order's installation."""
        return cls(**_shared(cls, order), reason=reason)


@dataclass
class OrderDetails:
    """Details of an order that installations requested by an earlier release lack."""

    order_id: str = ""
    region: str | None = None
    customer_note: str | None = None
    product_id: str | None = None
    customer_id: str | None = None

    @classmethod
    def of(cls, order: Order) -> "OrderDetails":
        """Take the details from an order."""
        return cls(**_shared(cls, order))


def _shared(cls: type[Any], order: Order) -> dict[str, Any]:
    """Return the values of fields of `cls` that an order has by the same names, and its note as the customer's."""
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in vars(order).items() if name in names} | {"customer_note": order.note}


class EngineerAction(StrEnum):
    """Actions of an engineer on an order. The workflow's updates have the same names."""

    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class EngineerAct:
    """Argument of an engineer's action."""

    engineer_id: str = ""
    round: int = 0
    """Round in which the engineer was asked; 0 means their latest round."""
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)
    by: str | None = None
    """Actor who acts on behalf of the engineer. `None` if the engineer acts themselves."""


REQUEST_INSTALLATION = Command(
    "request_installation",
    INSTALLATION,
    RequestInstallation,
    InstallationStatus,
    "설치 요청 · Request the installation",
)
"""Returns the installation's status afterwards, as the six commands below do. The status is `CANCELED` if the order
was canceled before."""
ACCEPT_INSTALLATION = Command(
    "accept_installation",
    INSTALLATION,
    RecordAnswer,
    InstallationStatus,
    "설치 수락 · Record the acceptance",
    Priority.ENGINEER,
)
DECLINE_INSTALLATION = Command(
    "decline_installation",
    INSTALLATION,
    RecordAnswer,
    InstallationStatus,
    "설치 거절 · Record the refusal",
    Priority.ENGINEER,
)
START_INSTALLATION = Command(
    "start_installation",
    INSTALLATION,
    RecordAnswer,
    InstallationStatus,
    "설치 시작 · Record the start",
    Priority.ENGINEER,
)
COMPLETE_INSTALLATION = Command(
    "complete_installation",
    INSTALLATION,
    RecordAnswer,
    InstallationStatus,
    "설치 완료 · Record the completion",
    Priority.ENGINEER,
)
INCOMPLETE_INSTALLATION = Command(
    "incomplete_installation",
    INSTALLATION,
    RecordAnswer,
    InstallationStatus,
    "설치 미완료 · Record a failed visit",
    Priority.ENGINEER,
)
WITHDRAW_INSTALLATION = Command(
    "withdraw_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 요청 철회 · Withdraw the request"
)
CANCEL_INSTALLATION = Command(
    "cancel_installation",
    INSTALLATION,
    CancelInstallation,
    type(None),
    "설치 취소 · Cancel the installation",
    Priority.CANCEL,
)
