"""The figures of the statistics: the API's days, added up by day or week, by region and by reason."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from console.texts import N_

MOST_DAYS_SHOWN = 62
"""The largest number of days that are shown day by day. More are shown week by week."""
INCOMPLETE = "incomplete"
MEASURES: Mapping[str, str] = {
    "ordered": N_("Orders received"),
    "completed": N_("Completed"),
    "canceled": N_("Canceled"),
    "declined": N_("Declined by engineers"),
    "unanswered": N_("Not answered by engineers"),
    INCOMPLETE: N_("Visits without success"),
}
"""What is counted, with its name."""

Counts = Mapping[str, int]
"""Numbers by measure."""


@dataclass(frozen=True)
class Hours:
    """Within how many hours orders were completed: upper bounds."""

    median: int
    p90: int


@dataclass(frozen=True)
class Period:
    """What happened on a day or in a week."""

    first: date
    last: date
    counts: Counts
    hours: Hours | None


@dataclass(frozen=True)
class Figures:
    """What happened in a span of days."""

    totals: Counts
    periods: Sequence[Period]
    """Every day or week of the span, the oldest first."""
    weekly: bool
    hours_known: bool
    """Whether the hours to completion can be told: medians of several days or regions cannot be added up."""
    regions: Mapping[str | None, Counts]
    """By region, the one with most orders first. None: orders whose region was not known yet."""
    reasons: Mapping[str, int]
    """Visits without success by reason, the most frequent first."""

    @property
    def nothing(self) -> bool:
        """Whether nothing has happened."""
        return not any(self.totals.values())


def figures_of(days: Sequence[Mapping[str, Any]], first: date, last: date) -> Figures:
    """Add up the days of the API.

    Args:
        days: What it has returned: one item for each day and region with events.
        first: The first day of the span.
        last: The last one.
    """
    weekly = (last - first).days >= MOST_DAYS_SHOWN
    hours_known = not weekly and len({each["region"] for each in days if each["hoursToCompletion"]}) <= 1
    by_period: dict[date, list[Mapping[str, Any]]] = {start: [] for start in _starts(first, last, weekly=weekly)}
    by_region: dict[str | None, list[Mapping[str, Any]]] = {}
    reasons: Counter[str] = Counter()
    for each in days:
        by_period[_start_of(date.fromisoformat(each["day"]), first, weekly=weekly)].append(each)
        by_region.setdefault(each["region"], []).append(each)
        reasons.update(each["incompleteByReason"])
    periods = [
        Period(
            start,
            min(start + timedelta(days=6 - start.weekday()), last) if weekly else start,
            _sum(found),
            _hours_of(found) if hours_known else None,
        )
        for start, found in by_period.items()
    ]
    regions = {region: _sum(found) for region, found in by_region.items()}
    return Figures(
        _sum(days),
        periods,
        weekly,
        hours_known,
        dict(sorted(regions.items(), key=lambda one: (-one[1]["ordered"], one[0] or ""))),
        dict(reasons.most_common()),
    )


def counts_of(day: Mapping[str, Any]) -> Counts:
    """Return the numbers of one item of the API."""
    return {
        measure: sum(day["incompleteByReason"].values()) if measure == INCOMPLETE else day[measure]
        for measure in MEASURES
    }


def _sum(days: Iterable[Mapping[str, Any]]) -> Counts:
    total = dict.fromkeys(MEASURES, 0)
    for each in days:
        for measure, number in counts_of(each).items():
            total[measure] += number
    return total


def _hours_of(days: Iterable[Mapping[str, Any]]) -> Hours | None:
    known = [each["hoursToCompletion"] for each in days if each["hoursToCompletion"]]
    return Hours(known[0]["median"], known[0]["p90"]) if known else None


def _starts(first: date, last: date, *, weekly: bool) -> list[date]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day == _start_of(day, first, weekly=weekly)]


def _start_of(day: date, first: date, *, weekly: bool) -> date:
    """Return the first day of a period. The first week begins with the span."""
    return max(day - timedelta(days=day.weekday()), first) if weekly else day
