"""Working time (근무 시간): whether engineers work in a window, by their usual hours and the exceptions of the day.

Times are minutes of the local day.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

ANY_DAY = 1 << 7
"""The bit of a set of weekdays that stands for every day, whatever its weekday."""


class Span(NamedTuple):
    """A part of a day."""

    begins: int
    ends: int

    def overlaps(self, other: "Span") -> bool:
        """Return whether the two have a minute in common."""
        return self.begins < other.ends and other.begins < self.ends


WHOLE_DAY = Span(0, 24 * 60)


class Hours(NamedTuple):
    """The usual working hours of an engineer."""

    working_days: int
    """One bit for each day of the week. The lowest is Monday."""
    works_from: int
    works_until: int
    visits_per_window: int


@dataclass
class Exceptions:
    """What holds on one day beside the usual hours."""

    off: list[Span] = field(default_factory=list)
    """Parts of the day in which nobody works."""
    shifts: list[Span | None] = field(default_factory=list)
    """Extra shifts. `None`: the engineer's usual hours."""


class Demand(NamedTuple):
    """What the usual hours of an engineer have to contain so that the engineer works in a window.

    It is the same for all engineers with the same exceptions. So they can be compared by numbers, also in a database.
    """

    days: int
    """The usual working days that do, one bit each, as in `Hours`; with `ANY_DAY`, all of them. 0: nobody works."""
    begins: int
    ends: int

    def is_met_by(self, hours: Hours) -> bool:
        """Return whether an engineer with these hours works in the window."""
        on_the_day = (hours.working_days | ANY_DAY) & self.days
        return bool(on_the_day) and hours.works_from <= self.begins and self.ends <= hours.works_until


NOBODY = Demand(0, WHOLE_DAY.ends, WHOLE_DAY.begins)
"""The demand of a window in a day off, and of no other window."""
EVERYBODY = Demand(ANY_DAY, WHOLE_DAY.ends, WHOLE_DAY.begins)


def demand(window: Span, weekday: int, exceptions: Iterable[Exceptions] = (), *, holiday: bool = False) -> Demand:
    """Return what it takes to work in a window.

    Args:
        window: The window. It counts as a whole.
        weekday: As `date.weekday()`.
        exceptions: What is an exception for the engineer: the region's and their own.
        holiday: Whether it is a national holiday, on which only extra shifts are worked.
    """
    own = 0 if holiday else 1 << weekday
    extra: list[Span] = []
    for each in exceptions:
        if any(off.overlaps(window) for off in each.off):
            return NOBODY
        own = ANY_DAY if None in each.shifts else own
        extra += (shift for shift in each.shifts if shift is not None)
    begins, ends = _left_over(window, extra)
    return Demand(own, begins, ends) if begins < ends else EVERYBODY


def _left_over(window: Span, shifts: list[Span]) -> Span:
    """Return the part of a window from the first to the last minute that no shift contains. It may be empty."""
    begins, ends = window
    for shift in sorted(shifts):
        if shift.begins <= begins:
            begins = max(begins, shift.ends)
    for shift in sorted(shifts, key=lambda shift: shift.ends, reverse=True):
        if shift.ends >= ends:
            ends = min(ends, shift.begins)
    return Span(begins, ends)
