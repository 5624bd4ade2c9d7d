"""The national holidays of a year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from console.calendars.kinds import EXTRA_SHIFTS
from console.days import is_near
from console.managers.center import holidays_of
from console.page_request import PageRequest
from console.planning.choice import week_address
from console.service import Problem

PATH = "/holidays"
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
"""As in the API."""


@dataclass(frozen=True)
class Holiday:
    """A day on which nobody works but in an extra shift."""

    day: date
    name: str
    week: str | None
    """Address of the plan of its week. None: it is too far away."""
    shift: str | None
    """Where an extra shift on that day is added. None: the day has passed."""


@dataclass(frozen=True)
class HolidaysPage:
    """A year."""

    year: int
    holidays: Sequence[Holiday]
    before: str | None
    """Address of the year before, if it is known."""
    after: str | None
    """Address of the year after, if it is known."""


async def show_holidays(visit: PageRequest) -> Response:
    """Show the holidays of a year. Default: this year. The API refuses years that it does not have."""
    today = visit.texts.today()
    try:
        year = int(visit.query.get("year") or today.year)
    except ValueError as error:
        raise Problem(400, "malformed-request") from error
    found = sorted((await holidays_of(visit, year)).items())
    holidays = [_holiday(day, text, today) for day, text in found]
    return await visit.page("calendars/holidays.html", HolidaysPage(year, holidays, _at(year - 1), _at(year + 1)))


def _holiday(day: date, name: str, today: date) -> Holiday:
    shift = f"{EXTRA_SHIFTS.new}?from={day}" if day >= today else None
    week = week_address(day, None) if is_near(day, today) else None
    return Holiday(day, name, week, shift)


def _at(year: int) -> str | None:
    return f"{PATH}?year={year}" if _FIRST_YEAR <= year <= _LAST_YEAR else None
