"""The list of engineers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from console.page_request import PageRequest
from console.planning.reading import ENGINEERS, Reach, reach_of
from console.staff.fields import day_names

PATH = "/engineers"
_ROWS = 50
_YES, _NO = "true", "false"


@dataclass(frozen=True)
class ListPage:
    """A page of the list."""

    engineers: Sequence[Mapping[str, Any]]
    day_names: Mapping[str, str]
    reach: Reach
    region: str | None
    active: str | None
    """`true`, `false`, or None for all."""
    first: bool
    """Whether this is the first page."""
    begins: str
    """Address of the first page."""
    following: str | None
    """Address of the next page."""

    @property
    def selective(self) -> bool:
        """Whether some engineers are left out."""
        return self.region is not None or self.active is not None


async def show_engineers(visit: PageRequest) -> Response:
    """Show the engineers, of a region or of all that the manager looks after."""
    region, active = visit.query.get("region") or None, visit.query.get("active")
    filters = {"region": region, "active": active if active in (_YES, _NO) else None}
    cursor, reach = visit.query.get("cursor"), await reach_of(visit)
    found = await visit.api.get(ENGINEERS, {**filters, "cursor": cursor, "limit": _ROWS})
    following = found["nextCursor"]
    page = ListPage(
        found["items"],
        day_names(visit.texts),
        reach,
        first=not cursor,
        begins=_address(filters),
        following=_address({**filters, "cursor": following}) if following else None,
        **filters,
    )
    return await visit.page("staff/engineers.html", page)


def _address(query: Mapping[str, str | None]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{PATH}?{urlencode(given)}" if given else PATH
