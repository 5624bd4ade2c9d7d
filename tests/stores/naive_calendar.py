"""A naive model of the calendar, which examines every engineer and every window one by one."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from domain.management_center.assignments import AssignEngineer, AssignmentRefusal, WhenNobody
from domain.management_center.staff import DayOff, Engineer, ExtraShift, Weekday, WorkingHours
from domain.visits import BookingRules, TimeWindow, VisitGrid

Place = tuple[str, datetime]
"""An engineer, and the start of a window."""
STEP = 30
"""Minutes. Everything in the calendar begins and ends at a multiple of them."""


@dataclass
class Booked:
    """The booking of an order."""

    engineer_id: str
    window: TimeWindow
    region: str
    skills: set[str]
    on_holiday: bool = False


@dataclass
class NaiveCalendar:
    """The data of the calendar, and the rules."""

    grid: VisitGrid
    now: datetime
    areas: dict[str, str]
    """The regions of addresses."""
    engineers: dict[str, Engineer] = field(default_factory=dict)
    off: dict[str, DayOff] = field(default_factory=dict)
    shifts: dict[str, ExtraShift] = field(default_factory=dict)
    products: dict[str, set[str]] = field(default_factory=dict)
    booked: dict[str, Booked] = field(default_factory=dict)
    held: dict[str, TimeWindow] = field(default_factory=dict)
    waiting: dict[str, AssignEngineer] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    holidays: set[date] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rules = BookingRules(self.grid, timedelta(hours=10), timedelta(days=3), holidays=self.holidays)

    def works(self, engineer: Engineer, window: TimeWindow, *, holidays: bool = True) -> bool:
        start = window.start.astimezone(self.grid.zone)
        begins = start.hour * 60 + start.minute
        minutes = range(begins, begins + int(self.grid.length.total_seconds()) // 60, STEP)
        return engineer.active and all(
            self.at_work(engineer, start.date(), minute, holidays=holidays) for minute in minutes
        )

    def at_work(self, engineer: Engineer, day: date, minute: int, *, holidays: bool) -> bool:
        """Return whether the engineer works in the half hour that begins at a minute of a day."""
        if any(_applies(off, engineer, day) and _holds(off.hours, minute) for off in self.off.values()):
            return False
        usual = list(Weekday)[day.weekday()] in engineer.working_days
        if usual and not (holidays and day in self.holidays) and _holds(engineer.working_hours, minute):
            return True
        return any(
            _applies(shift, engineer, day) and _holds(shift.hours or engineer.working_hours, minute)
            for shift in self.shifts.values()
        )

    def stranded(self, booked: Booked) -> bool:
        engineer = self.engineers[booked.engineer_id]
        there = engineer.region == booked.region and booked.skills <= set(engineer.skills)
        return not (there and self.works(engineer, booked.window, holidays=booked.on_holiday))

    def visits(self, engineer_id: str) -> list[TimeWindow]:
        standing = (booked for booked in self.booked.values() if not self.stranded(booked))
        return [booked.window for booked in standing if booked.engineer_id == engineer_id]

    def places(self, engineer: Engineer, window: TimeWindow) -> int:
        if not self.works(engineer, window):
            return 0
        capacity = engineer.visits_per_window or self.rules.visits_per_window
        return max(capacity - self.visits(engineer.engineer_id).count(window), 0)

    def bookable(self) -> list[TimeWindow]:
        return list(self.grid.windows(*self.rules.bookable(self.now)))

    def slots(self, region: str, product_id: str) -> list[tuple[datetime, int]]:
        team = [engineer for engineer in self.engineers.values() if self.able(engineer, region, product_id)]
        counted = [(window.start, sum(self.places(one, window) for one in team)) for window in self.bookable()]
        return [(start, free) for start, free in counted if free]

    def able(self, engineer: Engineer, region: str, product_id: str) -> bool:
        return engineer.region == region and self.products.get(product_id, set()) <= set(engineer.skills)

    def could_have(self, asked: AssignEngineer, engineer: Engineer, window: TimeWindow) -> bool:
        """Return whether the order may take the window, if no order goes first."""
        earliest = max(asked.wanted or self.now, self.now + self.rules.lead)
        able = self.able(engineer, self.areas[asked.installation_address], asked.product_id)
        return able and engineer.engineer_id not in asked.passed_over and window.start >= earliest

    def is_for_others(self, asked: AssignEngineer, engineer: Engineer, window: TimeWindow) -> bool:
        """Return whether an order that goes first could take the window."""
        return any(
            self.could_have(other, engineer, window)
            for other in self.waiting.values()
            if (other.ordered_at, other.order_id) < (asked.ordered_at, asked.order_id)
        )

    def first_who_could_go_on(self, region: str) -> str | None:
        """Return the first waiting order that could get a window now."""
        for asked in sorted(self.waiting.values(), key=lambda asked: (asked.ordered_at, asked.order_id)):
            if self.areas[asked.installation_address] == region and any(
                self.places(engineer, window)
                and self.could_have(asked, engineer, window)
                and not self.is_for_others(asked, engineer, window)
                for engineer in self.engineers.values()
                for window in self.bookable()
            ):
                return asked.order_id
        return None

    def assign(self, asked: AssignEngineer) -> Place | AssignmentRefusal:
        """Decide a new round."""
        if asked.order_id in self.closed:
            return AssignmentRefusal.CLOSED
        before = self.booked.pop(asked.order_id, None)
        found = self.choose(asked, before)
        if not isinstance(found, AssignmentRefusal):
            engineer, window = found
            needed = self.products.get(asked.product_id, set()) & set(engineer.skills)
            on_holiday = self.grid.day_of(window.start) in self.holidays
            self.booked[asked.order_id] = Booked(engineer.engineer_id, window, engineer.region, needed, on_holiday)
            self.held[asked.order_id] = window
            self.waiting.pop(asked.order_id, None)
            return engineer.engineer_id, window.start
        if asked.keeps_assignment:
            if before is not None:
                self.booked[asked.order_id] = before
        else:
            self.held.pop(asked.order_id, None)
            self.waiting.pop(asked.order_id, None)
            if asked.otherwise is WhenNobody.QUEUE:
                self.waiting[asked.order_id] = asked
        return found

    def choose(self, asked: AssignEngineer, before: Booked | None) -> tuple[Engineer, TimeWindow] | AssignmentRefusal:
        region = self.areas[asked.installation_address]
        if asked.engineer_id is not None:
            team = [self.engineers[asked.engineer_id]]
        else:
            team = [
                engineer
                for engineer in self.engineers.values()
                if engineer.active
                and self.able(engineer, region, asked.product_id)
                and engineer.engineer_id not in asked.passed_over
            ]
            if not team:
                return AssignmentRefusal.NO_ENGINEER
        for window in self.wanted(asked):
            free = [
                engineer
                for engineer in team
                if self.places(engineer, window)
                and (
                    asked.engineer_id is not None
                    or self.keeps(asked, before, engineer, window)
                    or not self.is_for_others(asked, engineer, window)
                )
            ]
            if free:
                return min(free, key=lambda engineer: self.rank(engineer, window, asked.keep)), window
        if asked.engineer_id is not None:
            return AssignmentRefusal.ENGINEER_UNAVAILABLE
        return AssignmentRefusal.VISIT_UNAVAILABLE if asked.exactly else AssignmentRefusal.NO_CAPACITY

    def keeps(self, asked: AssignEngineer, before: Booked | None, engineer: Engineer, window: TimeWindow) -> bool:
        """Return whether the order has this booking already, and wants the same window."""
        had = (before.engineer_id, before.window) if before is not None else None
        return had == (engineer.engineer_id, window) and asked.wanted == window.start

    def wanted(self, asked: AssignEngineer) -> list[TimeWindow]:
        """Return the acceptable windows, the best first."""
        wanted = asked.wanted if asked.wanted and asked.wanted > self.now else None
        held = self.held.get(asked.order_id)
        own = [held] if held is not None and held.start == wanted else []
        if asked.exactly:
            return own or [window for window in self.bookable() if window.start == wanted]
        return own + [window for window in self.bookable() if wanted is None or window.start >= wanted]

    def rank(self, engineer: Engineer, window: TimeWindow, keep: str | None) -> tuple[bool, int, str]:
        day = self.grid.day_of(window.start)
        that_day = [visit for visit in self.visits(engineer.engineer_id) if self.grid.day_of(visit.start) == day]
        return engineer.engineer_id != keep, len(that_day), engineer.engineer_id

    def close(self, order_id: str) -> None:
        self.closed.add(order_id)
        self.booked.pop(order_id, None)
        self.waiting.pop(order_id, None)


def _applies(entry: DayOff | ExtraShift, engineer: Engineer, day: date) -> bool:
    theirs = entry.engineer_id == engineer.engineer_id or entry.region == engineer.region
    return theirs and entry.first_day <= day <= entry.last_day


def _holds(hours: WorkingHours | None, minute: int) -> bool:
    begins, ends = (0, 24 * 60) if hours is None else hours.minutes
    return begins <= minute < ends
