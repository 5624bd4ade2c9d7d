"""Counts of the orders by status and region. Each number leads to the list of its orders."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from console import labels
from console.managers.filters import OPEN, Filters
from console.texts import N_

SUMMARY = "/orderStatuses/summary"
"""Where the API tells the numbers."""
_FEW_REGIONS = 4
"""The number of regions that are shown without being asked for."""
ALL, OPEN_ORDERS, NEED_A_PERSON = N_("All orders"), N_("Open orders"), N_("Needs attention")


@dataclass(frozen=True)
class Count:
    """A number of orders, and where they are listed."""

    orders: int
    path: str | None
    """None: no list can be limited to them."""
    current: bool = False
    """Whether the page lists just these."""


@dataclass(frozen=True)
class Tile:
    """A number of orders with its name."""

    label: str
    """Text, marked for translation, or a status of a newer release."""
    count: Count
    tone: str
    oldest: str | None = None
    """When the order that has stood longest in this status last changed."""


@dataclass(frozen=True)
class RegionCounts:
    """The numbers of one region."""

    region: str | None
    """None: those whose region is not known yet."""
    cells: Sequence[Count]
    """All orders of the region, then those of each status."""


@dataclass(frozen=True)
class Counts:
    """All numbers above a list."""

    groups: Sequence[Tile]
    statuses: Sequence[Tile]
    regions: Sequence[RegionCounts]
    regions_open: bool
    """Whether the regions are to be seen at once."""


def counts_of(summary: Mapping[str, Any], filters: Filters) -> Counts:
    """Return the numbers of a summary of the API. Where the list is limited to regions, they are of these regions."""
    regions: Mapping[str, Mapping[str, int]] = summary["byRegion"]
    by_status: Mapping[str, int] = summary["byStatus"]
    if filters.region:
        chosen = [regions.get(region, {}) for region in filters.region]
        by_status = {status: sum(one.get(status, 0) for one in chosen) for status in by_status}
    unplaced = {
        status: number - sum(numbers.get(status, 0) for numbers in regions.values())
        for status, number in summary["byStatus"].items()
    }
    statuses = [*labels.STATUS, *sorted(by_status.keys() - labels.STATUS.keys())]
    ages: Mapping[str, str] = {} if filters.region else summary["oldestByStatus"]
    return Counts(
        groups=[
            Tile(ALL, _count(by_status.values(), filters), "plain"),
            Tile(OPEN_ORDERS, _count((by_status.get(status, 0) for status in OPEN), filters, OPEN), "plain"),
            # A summary does not divide those that need a person by region.
            *([] if filters.region else [Tile(NEED_A_PERSON, Count(summary["attention"], "/attention"), "alert")]),
        ],
        statuses=[
            Tile(
                labels.STATUS.get(status, status),
                _count([by_status.get(status, 0)], filters, (status,)),
                labels.TONE.get(status, "plain"),
                ages.get(status),
            )
            for status in statuses
        ],
        regions=[
            *(_of_region(region, numbers, statuses, filters) for region, numbers in sorted(regions.items())),
            *([_without_region(unplaced, statuses)] if any(unplaced.values()) else []),
        ],
        regions_open=len(regions) <= _FEW_REGIONS or bool(filters.region),
    )


def _of_region(region: str, numbers: Mapping[str, int], statuses: Sequence[str], filters: Filters) -> RegionCounts:
    each = [_count([numbers.get(status, 0)], filters, (status,), (region,)) for status in statuses]
    return RegionCounts(region, [_count(numbers.values(), filters, regions=(region,)), *each])


def _without_region(numbers: Mapping[str, int], statuses: Sequence[str]) -> RegionCounts:
    each = [Count(numbers.get(status, 0), None) for status in statuses]
    return RegionCounts(None, [Count(sum(numbers.values()), None), *each])


def _count(
    orders: Iterable[int], filters: Filters, statuses: tuple[str, ...] = (), regions: tuple[str, ...] | None = None
) -> Count:
    """Return a number of orders of these statuses, in these regions or in those of the list."""
    wanted = Filters(status=statuses, region=filters.region if regions is None else regions, sort=filters.sort)
    return Count(sum(orders), wanted.path(), wanted.conditions == filters.conditions)
