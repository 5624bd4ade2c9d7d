"""A day of a region: who works in which window, who is booked, and who is free."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from console.page_request import PageRequest
from console.planning.choice import DAY, Choice, choice_of, week_address
from console.planning.plan import Plan, Row, used
from console.planning.reading import Reading, plan_of_region
from domain.visits import TimeWindow


@dataclass(frozen=True)
class Column:
    """A window, and the numbers of all engineers in it."""

    window: TimeWindow
    visits: int
    free: int


@dataclass(frozen=True)
class DayPage:
    """The plan of a day."""

    choice: Choice
    reading: Reading | None
    """None: there is no region to plan for."""
    columns: Sequence[Column]
    """The windows in which anybody works or has a visit."""
    rows: Sequence[Row]
    """The engineers, each with the cells of these windows. Nobody, if nobody works and nothing is booked."""
    holiday: str | None
    week: str
    """Address of the week."""


async def show_day(visit: PageRequest) -> Response:
    """Show the plan of a day."""
    choice = await choice_of(visit, DAY, weekly=False)
    week = week_address(choice.day, choice.region)
    if choice.region is None:
        return await visit.page("planning/day.html", DayPage(choice, None, (), (), None, week))
    reading = await plan_of_region(visit, choice.region, choice.day, choice.day)
    rows, columns = _table(reading.plan)
    holiday = reading.plan.holidays.get(choice.day)
    return await visit.page("planning/day.html", DayPage(choice, reading, columns, rows, holiday, week))


def _table(plan: Plan) -> tuple[Sequence[Row], Sequence[Column]]:
    """Return rows and columns without the windows of the morning and the evening in which nothing is."""
    [day] = plan.days
    every = [row.days[0].cells for row in plan.rows]
    if all(cell.blank for cells in every for cell in cells):
        return (), ()
    shown = used(every)
    columns = [
        Column(
            window,
            sum(len(cells[shown][number].visits) for cells in every),
            sum(cells[shown][number].free for cells in every),
        )
        for number, window in enumerate(plan.windows[day][shown])
    ]
    return [row.within(shown) for row in plan.rows], columns
