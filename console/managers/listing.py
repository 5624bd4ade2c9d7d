"""A list of orders, and how it follows them while it is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from console.managers.filters import Filters
from console.managers.rows import Row
from console.page_request import PageRequest

_ROWS = 50
BOARD, ATTENTION = "board", "attention"
"""The lists, by what their rows show."""
PATHS: Mapping[str, str] = {BOARD: "/board", ATTENTION: "/attention"}


@dataclass(frozen=True)
class Listing:
    """A page of a list."""

    rows: Sequence[Row]
    following: str | None
    """Address of the next page."""
    begins: str
    """Address of the first page."""
    first: bool
    """Whether this is the first page."""
    as_of: datetime
    live: str
    """Where changes come from."""
    counts: str
    """Where the numbers above the list come from."""
    after: str
    """Number of the last change that the list shows."""
    selective: bool
    """Whether some orders are left out."""


async def listing_of(visit: PageRequest, filters: Filters, view: str) -> Listing:
    """Read a list."""
    as_of = datetime.now(UTC)
    answer = await visit.api.call("GET", "/orderStatuses", query={**filters.query, "limit": _ROWS})
    following = answer.body["nextCursor"]
    seen = {"view": view, "since": f"{as_of:%Y-%m-%dT%H:%M:%SZ}"} | ({} if following else {"whole": "1"})
    return Listing(
        rows=[Row.of(order) for order in answer.body["items"]],
        following=filters.path(PATHS[view], cursor=following) if following else None,
        begins=filters.path(PATHS[view]),
        first=filters.cursor is None,
        as_of=as_of,
        live=f"/board/live?{urlencode(filters.query | seen, doseq=True)}",
        counts=f"/board/counts?{urlencode(filters.query | {'view': view}, doseq=True)}",
        # The position was read before the list, so that nothing is missed between them.
        after=answer.headers.get("Feed-Position", ""),
        selective=filters.selective,
    )
