"""One engineer: what is agreed, and the engineer's week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console.days import day_of, monday_of, sunday_of
from console.page_request import PageRequest
from console.paths import path_of
from console.planning.choice import Choice
from console.planning.plan import Cell, Plan, used
from console.planning.reading import find, plan_of_engineer
from console.staff.fields import summary_of
from console.staff.listing import PATH
from console.texts import N_, Texts


@dataclass(frozen=True)
class Line:
    """A day of the week."""

    day: date
    holiday: str | None
    cells: Sequence[Cell | None]
    """By the hours of the table. None: there is no such window on this day."""


@dataclass(frozen=True)
class EngineerPage:
    """An engineer with the week."""

    engineer: Mapping[str, Any]
    agreed: Sequence[tuple[str, str]]
    choice: Choice
    last: date
    """The last day of the week."""
    hours: Sequence[str]
    """The hours in which there is anything, as `09:00–11:00`."""
    lines: Sequence[Line]
    complete: bool
    """Whether all visits are shown."""

    @property
    def entering(self) -> str:
        """Query of the pages on which a day off or an extra shift of this week is entered."""
        first = max(self.choice.day, min(self.choice.today, self.last))
        query = {
            "region": self.engineer["region"],
            "engineerId": self.engineer["engineerId"],
            "from": first.isoformat(),
        }
        return urlencode(query)


async def show_engineer(visit: PageRequest) -> Response:
    """Show an engineer, and the week of the day in the address, or this week."""
    engineer, texts = await find(visit), visit.texts
    today = texts.today()
    monday = monday_of(day_of(visit.query.get("from"), today))
    last = sunday_of(monday)
    reading = await plan_of_engineer(visit, engineer, monday, last)
    hours, lines = _table(reading.plan, engineer["engineerId"], texts)
    choice = Choice(path_of(PATH, engineer["engineerId"]), monday, today, weekly=True)
    agreed = [*summary_of(engineer, texts), (N_("Engineer number, the subject of the account"), engineer["engineerId"])]
    page = EngineerPage(engineer, agreed, choice, last, hours, lines, reading.complete)
    return await visit.page("staff/engineer.html", page)


def _table(plan: Plan, engineer_id: str, texts: Texts) -> tuple[Sequence[str], Sequence[Line]]:
    """Return the hours in which there is anything, and the days with the cells of these hours."""
    [row] = [row for row in plan.rows if row.member.engineer_id == engineer_id]
    by_hours = [{_hours(cell, texts): cell for cell in day.cells} for day in row.days]
    every = sorted({hours for cells in by_hours for hours in cells})
    shown = used([[cells.get(hours) for hours in every] for cells in by_hours])
    lines = [
        Line(day.day, plan.holidays.get(day.day), [cells.get(hours) for hours in every[shown]])
        for day, cells in zip(row.days, by_hours, strict=True)
    ]
    return every[shown], lines


def _hours(cell: Cell, texts: Texts) -> str:
    return texts.hours({"start": cell.window.start, "end": cell.window.end})
