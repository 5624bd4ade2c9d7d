"""The list of engineers."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from console.managers.center import ENGINEERS, Listed, Reach, listed, reach_of
from console.page_request import PageRequest
from console.staff.fields import day_names

PATH = "/engineers"
_ACTIVE = ("true", "false")


@dataclass(frozen=True)
class ListPage:
    """A page of the list."""

    listing: Listed
    day_names: Mapping[str, str]
    reach: Reach
    region: str | None
    active: str | None
    """`true`, `false`, or None for all."""

    @property
    def selective(self) -> bool:
        """Whether some engineers are left out."""
        return self.region is not None or self.active is not None


async def show_engineers(visit: PageRequest) -> Response:
    """Show the engineers, of a region or of all that the manager looks after."""
    region, active = visit.query.get("region") or None, visit.query.get("active")
    filters = {"region": region, "active": active if active in _ACTIVE else None}
    reach, listing = await reach_of(visit), await listed(visit, PATH, ENGINEERS, filters)
    return await visit.page("staff/engineers.html", ListPage(listing, day_names(visit.texts), reach, **filters))
