"""Staff (인력): engineers (설치기사), their working times and skills, and the skills that products require."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

from domain.visits import TimeWindow


class Weekday(StrEnum):
    """Day of the week. The index of a member is the value of `date.weekday()`."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


WORKING_DAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI, Weekday.SAT)
"""Default working days of an engineer."""


@dataclass(frozen=True)
class WorkingHours:
    """Daily working hours, in local time. Visits lie entirely within them."""

    start: time = time(9)
    end: time = time(18)


@dataclass
class Engineer:
    """Installation engineer (설치기사)."""

    engineer_id: str = ""
    name: str = ""
    region: str = ""
    active: bool = True
    skills: list[str] = field(default_factory=list)
    working_days: Sequence[Weekday] = WORKING_DAYS
    working_hours: WorkingHours = WorkingHours()
    visits_per_window: int | None = None
    """Maximum number of visits in one window. `None`: the default of the booking rules."""


@dataclass
class DayOff:
    """Days off, both dates included, of one engineer or (as a holiday) of a region. Exactly one of the two is set."""

    day_off_id: str = ""
    engineer_id: str | None = None
    region: str | None = None
    first_day: date = date.min
    last_day: date = date.min
    reason: str | None = None


@dataclass
class Product:
    """A product, and the skills that its installation requires."""

    product_id: str = ""
    skills: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Slot:
    """A window, and how many more visits can be booked in it."""

    window: TimeWindow
    free: int
