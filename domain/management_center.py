"""Management centre (서비스관리센터): service areas, engineers (설치기사), and who is assigned to which order."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from domain.commands import Command
from domain.contexts import MANAGEMENT_CENTER
from domain.orders import MANAGER, SYSTEM
from domain.texts import folded
from domain.times import UNSET


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
class Engineer:
    """An installation engineer (설치기사)."""

    engineer_id: str = ""
    name: str = ""
    region: str = ""
    active: bool = True


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


class AssignmentRefusal(StrEnum):
    """Why nobody was assigned."""

    NO_SERVICE_AREA = "NO_SERVICE_AREA"
    """No area matches the address."""
    NO_ENGINEER = "NO_ENGINEER"
    """Nobody active is left to ask in the region."""
    ENGINEER_UNAVAILABLE = "ENGINEER_UNAVAILABLE"
    """The engineer named by a manager does not exist or is inactive; the assignment stands as it was."""
    CLOSED = "CLOSED"
    """The order's assignment has been closed for good."""
    SUPERSEDED = "SUPERSEDED"
    """A later round has been decided already."""


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
class CloseAssignment:
    """The order has ended: free its engineer, and let no late assignment revive it."""

    order_id: str = ""


ASSIGN_ENGINEER = Command(
    "assign_engineer", MANAGEMENT_CENTER, AssignEngineer, AssignmentOutcome, "설치기사 배정 · Assign an engineer"
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
