"""Staff (인력): engineers (설치기사), their working times and skills, and the skills that products require."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum
from typing import Self

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
    """Hours of a day, in local time. Visits lie entirely within those that an engineer works."""

    start: time = time(9)
    end: time = time(18)

    @classmethod
    def of_minutes(cls, begins: int, ends: int) -> Self:
        """Return the hours between two minutes of the day, as a column holds them."""
        return cls(*(time(minutes // 60, minutes % 60) for minutes in (begins, ends)))

    @property
    def minutes(self) -> tuple[int, int]:
        """The minutes of the day at which the hours begin and end."""
        return self.start.hour * 60 + self.start.minute, self.end.hour * 60 + self.end.minute


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
    """Days off, both dates included, of one engineer or of a whole region. Exactly one of the two is set.

    A visit is not possible if any part of it lies in the day off, whatever else says that the engineer works then.
    """

    day_off_id: str = ""
    engineer_id: str | None = None
    region: str | None = None
    first_day: date = date.min
    last_day: date = date.min
    reason: str | None = None
    hours: WorkingHours | None = None
    """The part of each day. `None`: the whole day."""


@dataclass
class ExtraShift:
    """Extra work, on days that may otherwise be off, of one engineer or of a region. Exactly one of the two is set.

    Both dates are included. The hours of several shifts, and the usual hours of a working day, add up.
    """

    extra_shift_id: str = ""
    engineer_id: str | None = None
    region: str | None = None
    first_day: date = date.min
    last_day: date = date.min
    reason: str | None = None
    hours: WorkingHours | None = None
    """The hours of each day. `None`: the engineer's own."""


@dataclass(frozen=True)
class Holiday:
    """National holiday (공휴일), with its name in English and in the language of the country."""

    date: date
    name: str
    local_name: str


@dataclass
class Product:
    """A product, and the skills that its installation requires."""

    product_id: str = ""
    skills: list[str] = field(default_factory=list)
    name: str | None = None
    local_name: str | None = None
    orderable: bool = True
    """Whether customers are offered the product. An order may name any product."""


@dataclass(frozen=True)
class Slot:
    """A window, and how many more visits can be booked in it."""

    window: TimeWindow
    free: int
