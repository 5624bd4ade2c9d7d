"""A week of a region: each engineer's days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response

from console.days import sunday_of
from console.page_request import PageRequest
from console.planning.choice import WEEK, Choice, choice_of, day_address
from console.planning.plan import Plan
from console.planning.reading import Reading, plan_of_region


@dataclass(frozen=True)
class Column:
    """A day, and the numbers of all engineers on it."""

    day: date
    path: str
    """Address of the day."""
    holiday: str | None
    visits: int
    free: int


@dataclass(frozen=True)
class WeekPage:
    """The plan of a week."""

    choice: Choice
    reading: Reading | None
    """None: there is no region to plan for."""
    columns: Sequence[Column]

    @property
    def last(self) -> date:
        """The last day of the week."""
        return sunday_of(self.choice.day)


async def show_week(visit: PageRequest) -> Response:
    """Show the plan of a week."""
    choice = await choice_of(visit, WEEK, weekly=True)
    if choice.region is None:
        return await visit.page("planning/week.html", WeekPage(choice, None, ()))
    reading = await plan_of_region(visit, choice.region, choice.day, sunday_of(choice.day))
    return await visit.page("planning/week.html", WeekPage(choice, reading, _columns(choice, reading.plan)))


def _columns(choice: Choice, plan: Plan) -> Sequence[Column]:
    return [
        Column(
            day,
            day_address(day, choice.region),
            plan.holidays.get(day),
            sum(len(row.days[number].visits) for row in plan.rows),
            sum(row.days[number].free for row in plan.rows),
        )
        for number, day in enumerate(plan.days)
    ]
