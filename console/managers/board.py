"""The board: every order, by status and region. It moves by itself while it is looked at."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import HTMLResponse, Response

from console.managers.attention import Reason, attention_filters, reasons_of
from console.managers.counts import SUMMARY, Counts, counts_of
from console.managers.filters import OPEN, Filters
from console.managers.listing import ATTENTION, BOARD, Listing, listing_of
from console.page_request import PageRequest


@dataclass(frozen=True)
class Chip:
    """A filter that is set."""

    kind: str
    """`status`, `open`, `region`, `reason` or `engineer`."""
    value: str
    without: str
    """Address of the list without it."""


@dataclass(frozen=True)
class SortLink:
    """An order of the list that can be chosen."""

    path: str
    direction: str | None
    """`ascending` or `descending`, if the list has this order now."""


@dataclass(frozen=True)
class BoardPage:
    """A list of orders with the numbers above it."""

    counts: Counts
    chips: Sequence[Chip]
    by_date: SortLink
    by_change: SortLink
    listing: Listing
    me: str
    """Subject of the manager who looks at it."""


async def show_board(visit: PageRequest) -> Response:
    """Show the orders that meet the filters in the address."""
    filters = Filters.of(visit.query)
    summary, listing = await asyncio.gather(visit.api.get(SUMMARY), listing_of(visit, filters, BOARD))
    page = BoardPage(
        counts_of(summary, filters),
        _chips(filters),
        _sort_link(filters, "orderDate"),
        _sort_link(filters, "updatedAt"),
        listing,
        visit.person.subject,
    )
    return await visit.page("managers/board.html", page)


async def show_counts(visit: PageRequest) -> Response:
    """Return the numbers above a list alone, for a list that is looked at."""
    filters = Filters.of(visit.query)
    if visit.query.get("view") == ATTENTION:
        reasons = await reasons_of(visit, attention_filters(filters))
        return _fragment(visit, "managers/reasons.html", reasons=reasons)
    return _fragment(visit, "managers/counts.html", counts=counts_of(await visit.api.get(SUMMARY), filters))


def _fragment(visit: PageRequest, template: str, **values: Counts | Sequence[Reason]) -> Response:
    return HTMLResponse(visit.console.renderer.fragment(template, visit.preferences.language, **values))


def _sort_link(filters: Filters, key: str) -> SortLink:
    current = filters.sort or "-orderDate"
    direction = {f"-{key}": "descending", key: "ascending"}.get(current)
    wanted = key if direction == "descending" else f"-{key}"
    return SortLink(filters.path(sort=None if wanted == "-orderDate" else wanted), direction)


def _chips(filters: Filters) -> list[Chip]:
    chips = [
        Chip("region", one, filters.path(region=tuple(other for other in filters.region if other != one)))
        for one in filters.region
    ]
    if filters.status == OPEN:
        chips.append(Chip("open", "", filters.path(status=())))
    else:
        chips += [
            Chip("status", one, filters.path(status=tuple(other for other in filters.status if other != one)))
            for one in filters.status
        ]
    if filters.attention:
        chips.append(Chip("reason", filters.attention, filters.path(attention=None)))
    if filters.engineer_id:
        chips.append(Chip("engineer", filters.engineer_id, filters.path(engineer_id=None)))
    return chips
