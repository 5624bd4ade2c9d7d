"""What a plan is asked for: a day or a week, and a region."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from console.days import DAYS_OF_WEEK, day_of, monday_of
from console.managers.center import reach_of
from console.page_request import PageRequest

DAY, WEEK = "/day", "/week"


@dataclass(frozen=True)
class Choice:
    """A day and a region, and what else can be chosen."""

    path: str
    day: date
    """The day, or the first one of the week."""
    today: date
    weekly: bool = False
    """Whether it is about the whole week."""
    region: str | None = None
    """None: it is not about a region, or the manager reaches none."""
    regions: Sequence[str] = ()
    limited: bool = False
    """Whether there are regions that the manager does not reach."""

    @property
    def _step(self) -> timedelta:
        return timedelta(days=DAYS_OF_WEEK if self.weekly else 1)

    @property
    def earlier(self) -> str:
        """Address of the day or week before."""
        return self._at(self.day - self._step)

    @property
    def later(self) -> str:
        """Address of the day or week after."""
        return self._at(self.day + self._step)

    @property
    def now(self) -> str:
        """Address of today, or of this week."""
        return self._at(self.today)

    @property
    def holds_today(self) -> bool:
        """Whether today is shown."""
        return self.day <= self.today < self.day + self._step

    @property
    def field(self) -> str:
        """Name of the parameter with the day."""
        return "from" if self.weekly else "date"

    def _at(self, day: date) -> str:
        return _address(self.path, self.field, day, self.region)


def day_address(day: date, region: str | None) -> str:
    """Return the address of the plan of a day."""
    return _address(DAY, "date", day, region)


def week_address(day: date, region: str | None) -> str:
    """Return the address of the plan of the week that contains a day."""
    return _address(WEEK, "from", day, region)


def _address(path: str, field: str, day: date, region: str | None) -> str:
    return f"{path}?{urlencode({field: day.isoformat(), **({'region': region} if region else {})})}"


async def choice_of(visit: PageRequest, path: str, *, weekly: bool) -> Choice:
    """Return what the address asks for. Default: today, and the first region of the manager.

    Raises:
        Problem: it cannot be told which regions there are.
        ApiAway: there is no answer.
    """
    reach, today = await reach_of(visit), visit.texts.today()
    day = day_of(visit.query.get("from" if weekly else "date"), today)
    region = visit.query.get("region") or next(iter(reach.regions), None)
    return Choice(path, monday_of(day) if weekly else day, today, weekly, region, reach.regions, reach.limited)
