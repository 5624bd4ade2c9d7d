"""Installation (설치): the engineer's job for one order. Each round of asking is an installation of its own."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.common.commands import Command
from domain.common.contexts import INSTALLATION
from domain.common.open_enum import OpenStrEnum
from domain.common.personal import PERSONAL
from domain.common.times import UNSET
from domain.orders import Order
from domain.visits import TimeWindow


class InstallationStatus(OpenStrEnum):
    """Where the engineer's job stands."""

    REQUESTED = "REQUESTED"
    ACCEPTED = "ACCEPTED"
    STARTED = "STARTED"
    DECLINED = "DECLINED"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    CANCELED = "CANCELED"

    @property
    def open(self) -> bool:
        """The engineer still has something to do, or may have: a status of a newer release is taken to be open."""
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
    """The assignment's round; 0 for an order that was canceled before anybody was asked."""
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
    """Why it was declined, canceled or left incomplete."""
    note: str | None = field(default=None, metadata=PERSONAL)
    """What the engineer has to say about the visit."""
    serials: list[str] = field(default_factory=list)
    """Of the equipment that was installed."""
    region: str | None = None
    """The order's, which is not always the engineer's; `None` in rows of earlier releases."""
    customer_note: str | None = field(default=None, metadata=PERSONAL)
    """The order's note; `None` in rows of earlier releases."""
    product_id: str | None = None
    """The order's; `None` in rows of earlier releases."""


@dataclass
class RequestInstallation:
    """Ask the engineer of a round; what earlier rounds left open is canceled."""

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

    @classmethod
    def of(cls, order: Order, round_: int) -> "RequestInstallation":
        """The request to the engineer of an order that is in this round."""
        engineer = {"engineer_id": order.engineer_id or "", "engineer_name": order.engineer_name or ""}
        return cls(**_shared(cls, order) | engineer, round=round_)


@dataclass
class RecordAnswer:
    """Write down what the engineer of a round decided or reported."""

    order_id: str = ""
    round: int = 1
    at: datetime = UNSET
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)


@dataclass
class CancelInstallation:
    """Cancel the order's installation in every round, and let no late request revive it."""

    order_id: str = ""
    installation_address: str = ""
    customer_name: str | None = None
    contact_phone: str | None = None
    product_name: str = ""
    reason: str | None = None
    region: str | None = None
    customer_note: str | None = None
    product_id: str | None = None

    @classmethod
    def of(cls, order: Order, reason: str | None) -> "CancelInstallation":
        """The cancel of an order's installation."""
        return cls(**_shared(cls, order), reason=reason)


@dataclass
class OrderDetails:
    """What installations that were requested by an earlier release lack of their order."""

    order_id: str = ""
    region: str | None = None
    customer_note: str | None = None
    product_id: str | None = None

    @classmethod
    def of(cls, order: Order) -> "OrderDetails":
        """The details of an order."""
        return cls(**_shared(cls, order))


def _shared(cls: type[Any], order: Order) -> dict[str, Any]:
    """The fields of `cls` that an order has under the same name, and the order's note, which is the customer's."""
    names = {each.name for each in fields(cls)}
    return {name: value for name, value in vars(order).items() if name in names} | {"customer_note": order.note}


class EngineerAction(StrEnum):
    """What an engineer can say to an order; the updates of the workflow are named so."""

    ACCEPT = "accept"
    DECLINE = "decline"
    START = "start"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class EngineerAct:
    """What an engineer says to an order."""

    engineer_id: str = ""
    round: int = 0
    """The round that the engineer was asked in; 0 stands for the present one."""
    reason: str | None = None
    note: str | None = None
    serials: list[str] = field(default_factory=list)
    by: str | None = None
    """Who says so for the engineer, where they do not say it themselves."""


REQUEST_INSTALLATION = Command(
    "request_installation",
    INSTALLATION,
    RequestInstallation,
    InstallationStatus,
    "설치 요청 · Request the installation",
)
"""Answers, as the six below do, with the status that the installation has then: it is `CANCELED` where the order was
canceled before."""
ACCEPT_INSTALLATION = Command(
    "accept_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 수락 · Record the acceptance"
)
DECLINE_INSTALLATION = Command(
    "decline_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 거절 · Record the refusal"
)
START_INSTALLATION = Command(
    "start_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 시작 · Record the start"
)
COMPLETE_INSTALLATION = Command(
    "complete_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 완료 · Record the completion"
)
INCOMPLETE_INSTALLATION = Command(
    "incomplete_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 미완료 · Record a failed visit"
)
WITHDRAW_INSTALLATION = Command(
    "withdraw_installation", INSTALLATION, RecordAnswer, InstallationStatus, "설치 요청 철회 · Withdraw the request"
)
CANCEL_INSTALLATION = Command(
    "cancel_installation", INSTALLATION, CancelInstallation, type(None), "설치 취소 · Cancel the installation"
)
