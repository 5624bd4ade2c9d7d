"""A plan: for each engineer and each visit window, what is booked, and whether somebody could still come.

Whether an engineer works is decided by the rule by which the management center books (`domain…working_time`), on what
its API says: the usual hours, days off, extra shifts and holidays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from console.planning.calendars import Booked, Entry, Member
from domain.management_center.working_time import WHOLE_DAY, Exceptions, Span, demand
from domain.visits import TimeWindow, VisitGrid


class State(StrEnum):
    """What can be said of an engineer in a window, beside the visits."""

    FREE = "free"
    FULL = "full"
    DAY_OFF = "day-off"
    HOLIDAY = "holiday"
    OFF = "off"
    """Outside of the working hours."""
    PAST = "past"
    """Worked, and over."""
    UNKNOWN = "unknown"
    """The engineer's calendar is not known: another region's, or the management center does not answer."""


@dataclass(frozen=True)
class Cell:
    """One engineer in one window."""

    window: TimeWindow
    state: State
    visits: Sequence[Booked] = ()
    free: int = 0
    """How many more visits can be booked."""
    extra: bool = False
    """Whether the engineer works only because of an extra shift."""

    @property
    def blank(self) -> bool:
        """Whether nobody works, and nothing is booked."""
        return self.state in (State.OFF, State.UNKNOWN) and not self.visits


@dataclass(frozen=True)
class EngineerDay:
    """One engineer on one day."""

    day: date
    cells: Sequence[Cell]
    off: Sequence[Entry]
    """Days off that take something of this day."""

    @property
    def visits(self) -> Sequence[Booked]:
        """The visits of the day, in order."""
        return [visit for cell in self.cells for visit in cell.visits]

    @property
    def free(self) -> int:
        """How many more visits can be booked on the day."""
        return sum(cell.free for cell in self.cells)

    @property
    def extra(self) -> bool:
        """Whether there is an extra shift."""
        return any(cell.extra for cell in self.cells)

    @property
    def blank(self) -> bool:
        """Whether there is nothing to say about the day."""
        return not (self.visits or self.free or self.off or self.extra or self.has(State.HOLIDAY))

    def has(self, state: str) -> bool:
        """Return whether this can be said of any window of the day."""
        return any(cell.state == state for cell in self.cells)


@dataclass(frozen=True)
class Row:
    """One engineer on all days of the plan."""

    member: Member
    days: Sequence[EngineerDay]

    def within(self, windows: slice) -> "Row":
        """Return the row with some windows of each day."""
        return replace(self, days=[replace(day, cells=day.cells[windows]) for day in self.days])


@dataclass(frozen=True)
class Plan:
    """The engineers of a plan, on the days from the first to the last one."""

    grid: VisitGrid
    now: datetime
    first: date
    last: date
    members: Sequence[Member]
    off: Sequence[Entry] = ()
    shifts: Sequence[Entry] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    """Names by day."""
    visits: Sequence[Booked] = ()

    @property
    def days(self) -> Sequence[date]:
        """The days, in order."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """The engineers by name. Whoever has visits here and is not among them comes last, with these visits."""
        known = {member.engineer_id for member in self.members}
        guests = {
            visit.engineer_id: Member(visit.engineer_id, visit.engineer_name)
            for visit in self.visits
            if visit.engineer_id not in known
        }
        everybody = [*sorted(self.members, key=_by_name), *sorted(guests.values(), key=_by_name)]
        return [Row(member, [self._on(member, day) for day in self.days]) for member in everybody]

    @cached_property
    def windows(self) -> Mapping[date, Sequence[TimeWindow]]:
        """The windows of each day: those of the grid, and those of visits that were booked by another one."""
        booked: dict[date, dict[datetime, TimeWindow]] = {}
        for visit in self.visits:
            booked.setdefault(visit.day, {})[visit.window.start] = visit.window
        found = {}
        for day in self.days:
            known = {window.start: window for window in self.grid.windows_of(day)}
            found[day] = sorted((booked.get(day, {}) | known).values(), key=lambda window: window.start)
        return found

    @cached_property
    def _by_engineer(self) -> Mapping[str, Sequence[Booked]]:
        found: dict[str, list[Booked]] = {}
        for visit in self.visits:
            found.setdefault(visit.engineer_id, []).append(visit)
        return found

    def _on(self, member: Member, day: date) -> EngineerDay:
        visits = [visit for visit in self._by_engineer.get(member.engineer_id, ()) if visit.day == day]
        off = [entry for entry in self.off if entry.concerns(member, day)]
        shifts = [entry for entry in self.shifts if entry.concerns(member, day)]
        cells = [self._cell(member, day, window, visits, off, shifts) for window in self.windows[day]]
        felt = off if any(cell.state is State.DAY_OFF for cell in cells) else ()
        return EngineerDay(day, cells, felt)

    def _cell(
        self,
        member: Member,
        day: date,
        window: TimeWindow,
        visits: Sequence[Booked],
        off: Sequence[Entry],
        shifts: Sequence[Entry],
    ) -> Cell:
        here = [visit for visit in visits if visit.window.start == window.start]
        if member.hours is None:
            return Cell(window, State.UNKNOWN, here)
        span = Span(*self.grid.minutes_of(window))
        weekday, hours = day.weekday(), member.hours
        worked = [Exceptions(shifts=[shift.hours for shift in shifts])]

        def works(exceptions: Iterable[Exceptions], *, holiday: bool) -> bool:
            return demand(span, weekday, exceptions, holiday=holiday).is_met_by(hours)

        holiday = day in self.holidays
        if not works(worked, holiday=holiday):
            by_itself = holiday and works((), holiday=False)
            return Cell(window, State.HOLIDAY if by_itself else State.OFF, here)
        if any((entry.hours or WHOLE_DAY).overlaps(span) for entry in off):
            return Cell(window, State.DAY_OFF, here)
        extra = bool(shifts) and not works((), holiday=holiday)
        if window.start <= self.now:
            return Cell(window, State.PAST, here, extra=extra)
        taken = sum(visit.window.start < window.end and window.start < visit.window.end for visit in visits)
        free = max(0, hours.visits_per_window - taken)
        return Cell(window, State.FREE if free else State.FULL, here, free, extra)


def used(rows: Sequence[Sequence[Cell | None]]) -> slice:
    """Return the columns between those in which anything is: all of them if there is nothing."""
    columns = [number for cells in rows for number, cell in enumerate(cells) if cell is not None and not cell.blank]
    return slice(min(columns), max(columns) + 1) if columns else slice(None)


def _by_name(member: Member) -> tuple[str, str]:
    return member.name, member.engineer_id
