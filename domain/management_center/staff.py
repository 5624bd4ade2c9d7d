"""Staff (인력): engineers (설치기사), when they work, what they can do, and which products ask for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

from domain.visits import TimeWindow


class Weekday(StrEnum):
    """A day of the week; its place among the members is `date.weekday()`."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


WORKING_DAYS = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI, Weekday.SAT)
"""The days of an engineer of whom nothing else is said."""


@dataclass(frozen=True)
class WorkingHours:
    """From when until when, in local time; visits lie wholly within."""

    start: time = time(9)
    end: time = time(18)


@dataclass
class Engineer:
    """An installation engineer (설치기사)."""

    engineer_id: str = ""
    name: str = ""
    region: str = ""
    active: bool = True
    skills: list[str] = field(default_factory=list)
    working_days: Sequence[Weekday] = WORKING_DAYS
    working_hours: WorkingHours = WorkingHours()
    visits_per_window: int | None = None
    """`None`: as many as the booking rules say."""


@dataclass
class DayOff:
    """Days (both included) on which an engineer, or (a holiday) a whole region, does not work: one of both is given."""

    day_off_id: str = ""
    engineer_id: str | None = None
    region: str | None = None
    first_day: date = date.min
    last_day: date = date.min
    reason: str | None = None


@dataclass
class Product:
    """What is ordered, and the skills that its installation takes."""

    product_id: str = ""
    skills: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Slot:
    """A window in which so many more visits can be booked."""

    window: TimeWindow
    free: int
