"""An engineer's day (오늘 방문): its visits in the order of their windows, the next one on top."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from babel.dates import format_date
from starlette.responses import Response

from console.days import DAYS_OF_WEEK, day_of, monday_of, sunday_of
from console.engineers.labels import WORDS, Words
from console.engineers.visits import Visit, listed
from console.page_request import PageRequest
from domain.installation import EngineerAction, InstallationStatus

PATH = "/today"
LIVE = f"{PATH}/live"
_WEEK = timedelta(days=DAYS_OF_WEEK)
_REPORTED = (InstallationStatus.COMPLETED, InstallationStatus.INCOMPLETE)
_LEFT = (InstallationStatus.DECLINED, InstallationStatus.CANCELED)


@dataclass(frozen=True)
class WeekDay:
    """A day that can be chosen."""

    day: date
    name: str
    """The day of the week, in short."""
    visits: int
    """Number of visits that are or were the engineer's to make."""
    current: bool
    today: bool


@dataclass(frozen=True)
class DayPage:
    """The visits of a day."""

    me: str
    """Subject of the engineer."""
    day: date
    today: date
    now: datetime
    week: Sequence[WeekDay]
    ahead: Sequence[Visit]
    """Visits to make, the next one first."""
    reported: Sequence[Visit]
    left: Sequence[Visit]
    """Visits that the engineer has declined, or that are canceled or another engineer's now."""
    unanswered: Sequence[Visit]
    """Requests for other days that wait for an answer."""
    unreported: Sequence[Visit]
    """Visits of earlier days of which nobody knows how they ended."""
    complete: bool
    """Whether no visit is left out."""

    @property
    def live(self) -> str:
        """Path of the stream that says when to look again."""
        return LIVE

    @property
    def words(self) -> Mapping[EngineerAction, Words]:
        """The words for each action."""
        return WORDS

    @property
    def earlier(self) -> date:
        """The same day of the week before."""
        return self.day - _WEEK

    @property
    def later(self) -> date:
        """The same day of the week after."""
        return self.day + _WEEK

    @property
    def empty(self) -> bool:
        """Whether there is no visit on the day."""
        return not (self.ahead or self.reported or self.left)


async def show_day(asked: PageRequest) -> Response:
    """Show the visits of a day: of the one in the address, or of today."""
    now = datetime.now(UTC)
    today = asked.texts.local(now).date()
    day = day_of(asked.query.get("date"), today)
    monday = monday_of(day)
    of_week = {"from": monday.isoformat(), "to": sunday_of(day).isoformat()}
    before = (today - timedelta(days=1)).isoformat()
    week, requests, accepted, started = await asyncio.gather(
        listed(asked, of_week),
        listed(asked, {"status": InstallationStatus.REQUESTED}),
        listed(asked, {"status": InstallationStatus.ACCEPTED, "to": before}),
        listed(asked, {"status": InstallationStatus.STARTED, "to": before}),
    )
    counts = Counter(visit.day for visit in week.items if visit.status not in _LEFT)
    of_day = [visit for visit in week.items if visit.day == day]
    # A visit that was moved within the day is there twice, and only its new time matters.
    still_theirs = {visit.order_id for visit in of_day if visit.status not in _LEFT}
    page = DayPage(
        asked.person.subject,
        day,
        today,
        now,
        [
            WeekDay(one, format_date(one, "EEE", locale=asked.texts.locale), counts[one], one == day, one == today)
            for one in (monday + timedelta(days=number) for number in range(DAYS_OF_WEEK))
        ],
        _next_first(visit for visit in of_day if visit.status not in _REPORTED + _LEFT),
        [visit for visit in of_day if visit.status in _REPORTED],
        [visit for visit in of_day if visit.status in _LEFT and visit.order_id not in still_theirs],
        _next_first(visit for visit in requests.items if visit.day != day),
        [visit for visit in _next_first([*accepted.items, *started.items]) if visit.day != day],
        all(each.complete for each in (week, requests, accepted, started)),
    )
    return await asked.page("engineers/day.html", page)


def _next_first(visits: Iterable[Visit]) -> list[Visit]:
    """Return visits in the order in which they are to be made. One that has begun comes first."""
    return sorted(visits, key=lambda visit: (visit.status is not InstallationStatus.STARTED, visit.start))
