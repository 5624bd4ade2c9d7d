"""Visits (방문): the time windows of engineers' visits. They lie on a grid, so that no two overlap partially."""

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.common.times import UNSET


@dataclass
class TimeWindow:
    """Span of time in which an engineer comes."""

    start: datetime = UNSET
    end: datetime = UNSET


_INSTEAD_OF = "instead of %Y-%m-%d %H:%M:%S UTC"


def instead_of(start: datetime) -> str:
    """Return the detail of an event that moves a visit which was to begin at this time (UTC)."""
    return start.strftime(_INSTEAD_OF)


def start_before(detail: str | None) -> datetime | None:
    """Return when a visit was to begin, of the detail of the event that moves it, or None if it says something else."""
    try:
        return datetime.strptime(detail or "", _INSTEAD_OF).replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass(frozen=True)
class VisitGrid:
    """Grid of windows: on each day one after the other, from the first start until no whole window fits by midnight.

    A window during which the clocks change is left out: it would overlap another one, or leave a gap.
    """

    first_start: time = time(9)
    length: timedelta = timedelta(hours=2)
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("Asia/Seoul"))

    def windows_of(self, day: date) -> tuple[TimeWindow, ...]:
        """Return the windows of a local day, in order."""
        return _windows_of(self, day)

    def windows(self, start: datetime, end: datetime) -> Iterator[TimeWindow]:
        """Return the windows that begin from `start` to before `end`."""
        day, last = self.day_of(start), self.day_of(end)
        while day <= last:
            yield from (window for window in self.windows_of(day) if start <= window.start < end)
            day += timedelta(days=1)

    def window_at(self, start: datetime) -> TimeWindow | None:
        """Return the window that begins at this time, or `None`."""
        return next((window for window in self.windows_of(self.day_of(start)) if window.start == start), None)

    def day_of(self, at: datetime) -> date:
        """Return the local day of a point in time."""
        return at.astimezone(self.zone).date()

    def span_of(self, day: date) -> tuple[datetime, datetime]:
        """Return the start of a local day and of the next one."""
        midnight = datetime.combine(day, time(), self.zone)
        return midnight.astimezone(UTC), datetime.combine(day + timedelta(days=1), time(), self.zone).astimezone(UTC)

    def minutes_of(self, window: TimeWindow) -> tuple[int, int]:
        """Return the start and the end of the window, in minutes of its local day."""
        start = window.start.astimezone(self.zone)
        begins = start.hour * 60 + start.minute
        return begins, begins + int((window.end - window.start) / timedelta(minutes=1))


@lru_cache(maxsize=1000)
def _windows_of(grid: VisitGrid, day: date) -> tuple[TimeWindow, ...]:
    windows = []
    start, midnight = datetime.combine(day, grid.first_start), datetime.combine(day + timedelta(days=1), time())
    while start + grid.length <= midnight:
        begins = start.replace(tzinfo=grid.zone).astimezone(UTC)
        window = TimeWindow(begins, begins + grid.length)
        if _steady(window, grid.zone) and begins.astimezone(grid.zone).replace(tzinfo=None) == start:
            windows.append(window)
        start += grid.length
    return tuple(windows)


def _steady(window: TimeWindow, zone: tzinfo) -> bool:
    """Return whether the clocks do not change during a window."""
    last = window.end - timedelta(microseconds=1)
    return window.start.astimezone(zone).utcoffset() == last.astimezone(zone).utcoffset()


@dataclass(frozen=True)
class BookingRules:
    """Rules for booking visits, the same for every region."""

    grid: VisitGrid = field(default_factory=VisitGrid)
    lead: timedelta = timedelta(hours=24)
    """Time from now to the start of the earliest bookable window. An order may keep a window that it already has."""
    horizon: timedelta = timedelta(days=60)
    """How far ahead windows can be booked."""
    visits_per_window: int = 1
    """How many visits an engineer takes in one window, unless set for the engineer."""
    holidays: Container[date] = frozenset()
    """National holidays, on which only extra shifts are worked. A visit that is booked on one stays booked."""

    def bookable(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest start of a window that can be booked now."""
        return now + self.lead, now + self.horizon
