"""What a plan reads from the API: engineers, calendars and holidays of the management center, and visits."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from console.lists import Items, all_of
from console.managers.center import CENTER, ENGINEERS, holidays_of
from console.page_request import PageRequest
from console.paths import path_of
from console.planning.calendars import Booked, Entry, Member
from console.planning.plan import Plan
from console.service import Api, ApiAway, Problem, Query

_DAYS_OFF, _EXTRA_SHIFTS = f"{CENTER}/daysOff", f"{CENTER}/extraShifts"
_VISITS = "/installations"


@dataclass(frozen=True)
class Reading:
    """A plan, and what is missing in it."""

    plan: Plan
    center_away: bool = False
    """Whether the management center does not answer: then the plan shows the visits alone."""
    complete: bool = True
    """Whether everything is in the plan."""


@dataclass(frozen=True)
class Center:
    """What the management center says. Default: nothing."""

    team: Items = field(default_factory=Items)
    off: Items = field(default_factory=Items)
    shifts: Items = field(default_factory=Items)
    holidays: Mapping[date, str] = field(default_factory=dict)


async def plan_of_region(visit: PageRequest, region: str, first: date, last: date) -> Reading:
    """Return the plan of the engineers who work in a region, and of the visits in it.

    Raises:
        Problem: there is no such region for this manager, or the visits cannot be told now.
        ApiAway: there is no answer.
    """
    visits, center = await asyncio.gather(
        all_of(visit.api, _VISITS, {"region": region, **_span(first, last)}),
        _if_there(_center_of_region(visit, region, first, last)),
    )
    return _reading(visit, first, last, visits, center)


async def plan_of_engineer(visit: PageRequest, engineer: Mapping[str, Any], first: date, last: date) -> Reading:
    """Return the plan of one engineer, with visits of every region.

    Raises:
        Problem: it cannot be told now.
        ApiAway: there is no answer.
    """
    visits, center = await asyncio.gather(
        all_of(visit.api, _VISITS, {"engineerId": engineer["engineerId"], **_span(first, last)}),
        _center_of_engineer(visit, engineer, first, last),
    )
    return _reading(visit, first, last, visits, center)


async def find(visit: PageRequest) -> Mapping[str, Any]:
    """Return the engineer whom the address names.

    Raises:
        Problem: there is no such engineer for this manager.
        ApiAway: there is no answer.
    """
    found: Mapping[str, Any] = await visit.api.get(path_of(ENGINEERS, visit.path_value("engineerId")))
    return found


async def _center_of_region(visit: PageRequest, region: str, first: date, last: date) -> Center:
    span = _span(first, last)
    (team, off, shifts), holidays = await asyncio.gather(
        _lists(visit.api, (ENGINEERS, {"region": region, "active": "true"}), (_DAYS_OFF, span), (_EXTRA_SHIFTS, span)),
        _holidays(visit, first, last),
    )
    return Center(team, off, shifts, holidays)


async def _center_of_engineer(visit: PageRequest, engineer: Mapping[str, Any], first: date, last: date) -> Center:
    own, region = ({name: engineer[name], **_span(first, last)} for name in ("engineerId", "region"))
    (off, region_off, shifts, region_shifts), holidays = await asyncio.gather(
        _lists(visit.api, *((path, of) for path in (_DAYS_OFF, _EXTRA_SHIFTS) for of in (own, region))),
        _holidays(visit, first, last),
    )
    return Center(Items([engineer]), off.and_(region_off), shifts.and_(region_shifts), holidays)


async def _lists(api: Api, *asked: tuple[str, Query]) -> list[Items]:
    return await asyncio.gather(*(all_of(api, path, query) for path, query in asked))


async def _if_there(read: Awaitable[Center]) -> Center | None:
    """Return what the management center says, or None while it does not answer."""
    try:
        return await read
    except ApiAway:
        return None
    except Problem as problem:
        if problem.is_of_the_page:
            raise
        return None


def _span(first: date, last: date) -> Mapping[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


async def _holidays(visit: PageRequest, first: date, last: date) -> Mapping[date, str]:
    found = await asyncio.gather(*(holidays_of(visit, year) for year in sorted({first.year, last.year})))
    return {day: name for year in found for day, name in year.items()}


def _reading(visit: PageRequest, first: date, last: date, visits: Items, known: Center | None) -> Reading:
    rules, center = visit.console.settings.booking_rules, known or Center()
    plan = Plan(
        rules.grid,
        datetime.now(UTC),
        first,
        last,
        [Member.of(engineer, rules.visits_per_window) for engineer in center.team.items],
        [Entry.of(entry) for entry in center.off.items],
        [Entry.of(entry) for entry in center.shifts.items],
        center.holidays,
        [booked for row in visits.items if (booked := Booked.of(row, visit.texts))],
    )
    complete = all(each.complete for each in (visits, center.team, center.off, center.shifts))
    return Reading(plan, center_away=known is None, complete=complete)
