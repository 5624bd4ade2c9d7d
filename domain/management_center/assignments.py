"""Management center (서비스관리센터): service areas, and who is assigned to which order."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from domain.common.actors import MANAGER, SYSTEM
from domain.common.commands import Command
from domain.common.contexts import MANAGEMENT_CENTER
from domain.common.open_enum import OpenStrEnum
from domain.common.texts import folded
from domain.common.times import UNSET
from domain.visits import TimeWindow


@dataclass
class ServiceArea:
    """A part of the country that engineers serve."""

    service_area_id: str = ""
    region: str = ""
    """ISO 3166-2:KR."""
    name: str = ""
    local_name: str = ""
    matches: list[str] = field(default_factory=list)
    """Beginnings of a word of an address that place it in this area."""


@dataclass
class Assignment:
    """Who is to install an order, in which round of asking."""

    order_id: str = ""
    engineer_id: str = ""
    engineer_name: str = ""
    region: str = ""
    round: int = 0
    reason: str = ""
    """Why this engineer, for the manager who asks."""
    assigned_at: datetime = UNSET
    by: str = SYSTEM
    visit: TimeWindow | None = None
    """The window that is booked with the engineer; `None` for an assignment of before visits were booked."""


class AssignmentRefusal(OpenStrEnum):
    """Why nobody was assigned."""

    NO_SERVICE_AREA = "NO_SERVICE_AREA"
    """No area matches the address."""
    NO_ENGINEER = "NO_ENGINEER"
    """Nobody active is left to ask in the region who has the skills; or nobody more is to be asked for now."""
    NO_CAPACITY = "NO_CAPACITY"
    """All who could do it are booked up, or what is free is for orders that have waited longer."""
    ENGINEER_UNAVAILABLE = "ENGINEER_UNAVAILABLE"
    """The engineer named by a manager does not exist, is inactive, or has no free window; the assignment stands."""
    VISIT_UNAVAILABLE = "VISIT_UNAVAILABLE"
    """The one window that was wanted is not to be had."""
    CLOSED = "CLOSED"
    """The order's assignment has been closed for good."""
    SUPERSEDED = "SUPERSEDED"
    """A later round has been decided already."""


class WhenNobody(StrEnum):
    """What becomes of an order for which a round finds nobody.

    An instruction: a worker that does not know it fails, and one of a newer release carries it out.
    """

    QUEUE = "WAIT"
    """Its earlier assignment ends; it waits for capacity, and goes before the orders that were taken later."""
    RELEASE = "END"
    """Its earlier assignment ends."""
    KEEP = "STAND"
    """Its earlier assignment stands."""


@dataclass
class AssignEngineer:
    """Decide a round: the engineer named, or else the best of the address's region. It ends the rounds before it."""

    order_id: str = ""
    round: int = 1
    installation_address: str = ""
    product_id: str = ""
    passed_over: list[str] = field(default_factory=list)
    """Engineers who declined this order or did not answer."""
    engineer_id: str | None = None
    by: str = SYSTEM
    ordered_at: datetime = UNSET
    """When the order was taken."""
    wanted: datetime | None = None
    """The start of the window that is wanted; without one, or where it has gone, the next later one is taken."""
    exactly: bool = False
    """That window, or none."""
    keep: str | None = None
    """The engineer who should rather have it than others."""
    enough: bool = False
    """As many engineers have been asked as should be: choose nobody until new capacity appears."""
    otherwise: WhenNobody = WhenNobody.QUEUE

    @property
    def stands(self) -> bool:
        """The earlier assignment outlives a round that finds nobody: always where an engineer is named."""
        return self.engineer_id is not None or self.otherwise is WhenNobody.KEEP


@dataclass(frozen=True)
class ManualAssignment:
    """A manager's (고객서비스 담당자) choice of an engineer for an order."""

    engineer_id: str = ""
    by: str = MANAGER


@dataclass
class AssignmentOutcome:
    """An assignment, or why there is none (never both)."""

    assignment: Assignment | None = None
    refusal: AssignmentRefusal | None = None
    region: str | None = None
    """Of the address, where an area matches."""
    round: int = 0
    """The highest round that has been decided for the order."""


@dataclass
class ReleaseAssignment:
    """Free the window of a round; the assignment itself is kept for those who ask."""

    order_id: str = ""
    round: int = 0


@dataclass
class CloseAssignment:
    """The order has ended: free its window, and let no late assignment revive it."""

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


def area_of(address: str, areas: Iterable[ServiceArea]) -> ServiceArea | None:
    """The area with the longest match in the address, if any.

    A match counts where a word begins with it: `해운대구` is not in `대구`; one in Latin letters is a whole word,
    hyphens included: `Sejong-daero` is a street of Seoul. Of two matches of the same length the larger unit wins: it
    comes first in a Korean address, last in an English one.
    """
    text = folded(address)
    best: tuple[int, int] | None = None
    found: ServiceArea | None = None
    for area in areas:
        for match in filter(None, map(_folded_match, area.matches)):
            for start in _occurrences(match, text) if match in text else ():
                rank = (len(match), start if match.isascii() else -start)
                if best is None or rank > best:
                    best, found = rank, area
    return found


_folded_match = lru_cache(maxsize=4096)(folded)


def _occurrences(match: str, text: str) -> Iterable[int]:
    start = text.find(match)
    while start >= 0:
        end = start + len(match)
        if match.isascii():
            counts = not (_in_word(text[start - 1 : start]) or _in_word(text[end : end + 1]))
        else:
            counts = not text[start - 1 : start].isalnum()
        if counts:
            yield start
        start = text.find(match, start + 1)


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "-"
