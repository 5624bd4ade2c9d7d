"""The statistics: what happened to the orders, as plots beside tables with the same numbers, and as a file."""

import asyncio
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console import labels
from console.forms import Form
from console.managers.center import Reach, reach_of
from console.managers.explanations import INCOMPLETE as REASON
from console.page_request import PageRequest
from console.reports.days import FIRST, LAST, days_in
from console.reports.figures import INCOMPLETE, MEASURES, Figures, Period, counts_of, figures_of
from console.reports.plots import Plot, Time, plot_of
from console.texts import N_, Texts

PATH, FILE = "/statistics", "/statistics.csv"
_MOST_DAYS = 366
"""Of which the API returns the statistics at once."""
_DEFAULT_DAYS = 30
_MEDIAN, _P90 = N_("Half of the orders"), N_("9 of 10 orders")


@dataclass(frozen=True)
class Wanted:
    """What the statistics are asked for."""

    form: Form
    first: date | None
    last: date | None
    region: str | None
    """None: all regions of the manager."""

    @classmethod
    def of(cls, visit: PageRequest) -> "Wanted":
        """Return what an address asks for."""
        days = days_in(visit.query, visit.texts, most=_MOST_DAYS, default=_DEFAULT_DAYS)
        given = {FIRST: days.first, LAST: days.last}
        values = {name: day.isoformat() if day else visit.query.get(name, "") for name, day in given.items()}
        return cls(Form(values, days.errors), days.first, days.last, visit.query.get("region") or None)

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters, of the page and of the API."""
        return {**self.form.values, **({"region": self.region} if self.region else {})}


@dataclass(frozen=True)
class StatisticsPage:
    """The statistics of a span of days."""

    wanted: Wanted
    reach: Reach
    measures: Mapping[str, str]
    reason_labels: Mapping[str, str]
    figures: Figures | None
    """None: the form asks for something that cannot be shown."""
    plots: Sequence[Plot]
    file: str
    """Address of the same as a file."""


async def show_statistics(visit: PageRequest) -> Response:
    """Show the statistics of the days and the region in the address."""
    wanted = Wanted.of(visit)
    if wanted.form.errors:
        return await _page(visit, wanted, await reach_of(visit), None, 422)
    reach, days = await asyncio.gather(reach_of(visit), _read(visit, wanted))
    return await _page(visit, wanted, reach, days, 200)


async def download_statistics(visit: PageRequest) -> Response:
    """Return the days of the API as a file for spreadsheets. What cannot be taken is told by the page."""
    wanted = Wanted.of(visit)
    if wanted.form.errors:
        return visit.redirect(f"{PATH}?{urlencode(list(visit.query.multi_items()))}")
    days = await _read(visit, wanted)
    name = f"statistics-{wanted.first}-{wanted.last}.csv"
    return Response(
        _file_of(days, visit.texts),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _read(visit: PageRequest, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = (await visit.api.get("/orderStatuses/statistics", wanted.query))["items"]
    return found


async def _page(
    visit: PageRequest, wanted: Wanted, reach: Reach, days: Sequence[Mapping[str, Any]] | None, status: int
) -> Response:
    figures = None
    if days is not None and wanted.first and wanted.last:
        figures = figures_of(days, wanted.first, wanted.last)
    page = StatisticsPage(
        wanted,
        reach,
        MEASURES,
        REASON,
        figures,
        _plots(figures, visit.texts) if figures and not figures.nothing else (),
        f"{FILE}?{urlencode(wanted.query)}",
    )
    return await visit.page("reports/statistics.html", page, status)


def _plots(figures: Figures, texts: Texts) -> list[Plot]:
    troubles = texts("What did not go as planned")
    plots = [
        _of_measures("orders", texts("What became of orders"), figures, ("ordered", "completed", "canceled"), texts),
        _of_measures("troubles", troubles, figures, ("declined", "unanswered", INCOMPLETE), texts),
    ]
    if figures.hours_known and any(period.hours for period in figures.periods):
        series = [
            (texts(_MEDIAN), [period.hours.median if period.hours else None for period in figures.periods]),
            (texts(_P90), [period.hours.p90 if period.hours else None for period in figures.periods]),
        ]
        title, text = texts("Hours from the order to its completion"), texts("At most so many hours.")
        plots.append(plot_of("hours", title, text, series, _times(figures, texts)))
    return plots


def _of_measures(plot_id: str, title: str, figures: Figures, measures: Sequence[str], texts: Texts) -> Plot:
    series = [
        (texts(MEASURES[measure]), [period.counts[measure] for period in figures.periods]) for measure in measures
    ]
    said = [_highest(measure, figures.periods, texts) for measure in measures if figures.totals[measure]]
    text = " ".join(said) or texts("None of this has happened.")
    return plot_of(plot_id, title, text, series, _times(figures, texts))


def _times(figures: Figures, texts: Texts) -> list[Time]:
    return [Time(texts.day(period.first), _name(period, texts)) for period in figures.periods]


def _name(period: Period, texts: Texts) -> str:
    first, last = texts.day(period.first), texts.day(period.last)
    return first if first == last else f"{first} – {last}"


def _highest(measure: str, periods: Sequence[Period], texts: Texts) -> str:
    """Say when there was most of a measure."""
    highest = max(periods, key=lambda period: period.counts[measure])
    return texts(
        "%(name)s: at most %(number)s, on %(day)s.",
        name=texts(MEASURES[measure]),
        number=texts.number(highest.counts[measure]),
        day=_name(highest, texts),
    )


def _file_of(days: Sequence[Mapping[str, Any]], texts: Texts) -> bytes:
    """Return a file in which a spreadsheet recognizes Korean, and which has each day and region of the API."""
    reasons = sorted({reason for day in days for reason in day["incompleteByReason"]})
    written = StringIO()
    lines = csv.writer(written, lineterminator="\r\n")
    lines.writerow(
        [
            texts("When"),
            texts("Region code"),
            texts("Region"),
            *(texts(name) for name in MEASURES.values()),
            *(texts(REASON[reason]) if reason in REASON else reason for reason in reasons),
            texts("Hours, median"),
            texts("Hours, 9 of 10"),
        ]
    )
    for day in days:
        hours = day["hoursToCompletion"] or {"median": "", "p90": ""}
        region = day["region"] or ""
        name = labels.REGION.get(region)
        lines.writerow(
            [
                day["day"],
                region,
                texts(name) if name else region,
                *counts_of(day).values(),
                *(day["incompleteByReason"].get(reason, 0) for reason in reasons),
                hours["median"],
                hours["p90"],
            ]
        )
    return written.getvalue().encode("utf-8-sig")
