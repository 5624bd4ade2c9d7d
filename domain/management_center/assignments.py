"""Management center (서비스관리센터): service areas, and the assignment of engineers to orders."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.common.actors import MANAGER, SYSTEM
from domain.common.commands import Command
from domain.common.contexts import MANAGEMENT_CENTER
from domain.common.open_enum import OpenStrEnum
from domain.common.times import UNSET
from domain.visits import TimeWindow


@dataclass
class ServiceArea:
    """Area of the country that engineers serve."""

    service_area_id: str = ""
    region: str = ""
    """ISO 3166-2:KR code."""
    name: str = ""
    local_name: str = ""
    matches: list[str] = field(default_factory=list)
    """Word beginnings that place an address in this area."""


@dataclass
class Assignment:
    """Engineer who is to install an order, and the assignment round."""

    order_id: str = ""
    engineer_id: str = ""
    engineer_name: str = ""
    region: str = ""
    round: int = 0
    reason: str = ""
    """Why this engineer was chosen; shown to managers."""
    assigned_at: datetime = UNSET
    by: str = SYSTEM
    visit: TimeWindow | None = None
    """Window that is booked with the engineer. `None` for assignments from before visits were booked."""


class AssignmentRefusal(OpenStrEnum):
    """Why no engineer was assigned."""

    NO_SERVICE_AREA = "NO_SERVICE_AREA"
    """No area serves the address, or it may be in several regions (`AssignmentOutcome.regions`)."""
    NO_ENGINEER = "NO_ENGINEER"
    """No active engineer of the region with the skills is left to ask, or the limit of engineers to ask is reached."""
    NO_CAPACITY = "NO_CAPACITY"
    """All suitable engineers are fully booked, or the free windows are held for orders that have waited longer."""
    ENGINEER_UNAVAILABLE = "ENGINEER_UNAVAILABLE"
    """The engineer that a manager named does not exist, is inactive, or has no free window. The assignment stays."""
    VISIT_UNAVAILABLE = "VISIT_UNAVAILABLE"
    """The one requested window is not available."""
    CLOSED = "CLOSED"
    """The order's assignment has been closed permanently."""
    SUPERSEDED = "SUPERSEDED"
    """A later round has already been decided."""


class WhenNobody(StrEnum):
    """What happens to an order's earlier assignment if a round finds no engineer.

    This is an instruction: a worker that does not know a value fails, and a worker of a newer release carries it out.
    """

    QUEUE = "WAIT"
    """The earlier assignment ends. The order waits for capacity, with priority over orders that were placed later."""
    RELEASE = "END"
    """The earlier assignment ends."""
    KEEP = "STAND"
    """The earlier assignment stays."""


@dataclass
class AssignEngineer:
    """Decide a round: assign the named engineer, or else the best one of the address's region.

    A decided round ends the rounds before it.
    """

    order_id: str = ""
    round: int = 1
    installation_address: str = ""
    product_id: str = ""
    passed_over: list[str] = field(default_factory=list)
    """Engineers who declined this order or did not answer."""
    engineer_id: str | None = None
    by: str = SYSTEM
    ordered_at: datetime = UNSET
    """When the order was placed."""
    wanted: datetime | None = None
    """Start of the requested window. If it is unset or no longer available, the next later window is booked."""
    exactly: bool = False
    """Accept only the requested window."""
    keep: str | None = None
    """Preferred engineer: chosen over others if available."""
    enough: bool = False
    """The limit of engineers to ask is reached: choose nobody until new capacity appears."""
    otherwise: WhenNobody = WhenNobody.QUEUE
    """What happens if no engineer is found."""

    @property
    def keeps_assignment(self) -> bool:
        """Whether the earlier assignment stays if the round finds nobody. Always true if an engineer is named."""
        return self.engineer_id is not None or self.otherwise is WhenNobody.KEEP


@dataclass(frozen=True)
class ManualAssignment:
    """Choice of an engineer for an order by a manager (고객서비스 담당자)."""

    engineer_id: str = ""
    by: str = MANAGER
    expected_version: int | None = None
    """Version of the order on which the choice is based, as in `CancelRequest`."""


@dataclass
class AssignmentOutcome:
    """An assignment, or the reason why there is none (never both)."""

    assignment: Assignment | None = None
    refusal: AssignmentRefusal | None = None
    region: str | None = None
    """Region of the address, if a service area serves it."""
    round: int = 0
    """Highest round that has been decided for the order."""
    regions: list[str] = field(default_factory=list)
    """Regions in which the address may be, if it is ambiguous. Then the refusal is `NO_SERVICE_AREA`."""


@dataclass
class ReleaseAssignment:
    """Release the window of a round. The assignment itself stays stored, so that it can be looked up."""

    order_id: str = ""
    round: int = 0


@dataclass
class CloseAssignment:
    """Close the assignment of an order that has ended: release its window and prevent later assignments."""

    order_id: str = ""


ASSIGN_ENGINEER = Command(
    "assign_engineer", MANAGEMENT_CENTER, AssignEngineer, AssignmentOutcome, "설치기사 배정 · Assign an engineer"
)
RELEASE_ASSIGNMENT = Command(
    "release_assignment", MANAGEMENT_CENTER, ReleaseAssignment, type(None), "방문 예약 해제 · Free the visit's window"
)
CLOSE_ASSIGNMENT = Command(
    "close_assignment", MANAGEMENT_CENTER, CloseAssignment, type(None), "배정 종료 · Close the assignment"
)
