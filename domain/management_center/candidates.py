"""Candidates (후보): the engineers of a region, and whether each could make an order's visit."""

from collections.abc import Set
from dataclasses import dataclass, field

from domain.common.open_enum import OpenStrEnum
from domain.visits import TimeWindow


class Obstacle(OpenStrEnum):
    """Why an engineer cannot make a visit. If several reasons hold, the first one in this order counts."""

    DAY_OFF = "DAY_OFF"
    """The engineer, or the whole region, has a day off then."""
    NOT_WORKING = "NOT_WORKING"
    """The engineer does not work at that time."""
    BOOKED = "BOOKED"
    """Other visits take all of the engineer's capacity."""
    DECLINED_BEFORE = "DECLINED_BEFORE"
    """The engineer declined this order or did not answer. A manager may assign it to them nevertheless."""
    MISSING_SKILLS = "MISSING_SKILLS"
    """The product needs skills that the engineer does not have. A manager may assign it to them nevertheless."""
    INACTIVE = "INACTIVE"
    """The engineer is not active."""


@dataclass(frozen=True)
class CandidateQuery:
    """The order for which engineers are looked for, and where."""

    order_id: str
    product_id: str
    region: str
    declined_by: Set[str] = frozenset()
    """Ids of the engineers who declined this order or did not answer."""
    window: TimeWindow | None = None
    """Window of the visit. `None`: the earliest one that can be booked now in which somebody is free."""


@dataclass(frozen=True)
class Candidate:
    """An engineer, and whether they could make the visit."""

    engineer_id: str = ""
    name: str = ""
    visits_that_day: int = 0
    """The engineer's other visits on the day of the window."""
    skills: list[str] = field(default_factory=list)
    missing_skills: list[str] = field(default_factory=list)
    """Skills that the product needs and the engineer does not have."""
    reason: Obstacle | None = None
    """Why the engineer cannot make the visit, or `None`."""

    @property
    def free(self) -> bool:
        """Whether the engineer could make the visit."""
        return self.reason is None


@dataclass(frozen=True)
class Candidates:
    """All engineers of a region: those who could make the visit first, then by their visits that day."""

    visit: TimeWindow | None
    """The window for which this holds. `None` if the grid has no windows."""
    items: list[Candidate] = field(default_factory=list)
