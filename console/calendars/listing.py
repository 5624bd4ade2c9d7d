"""The lists of days off and of extra shifts: whose they are, when, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.responses import Response

from console import labels
from console.calendars.engineers import engineers_of
from console.calendars.entries import Entry
from console.calendars.kinds import Kind
from console.managers.center import Listed, Reach, listed, reach_of
from console.page_request import PageRequest
from console.routing import Handler


@dataclass(frozen=True)
class EntriesPage:
    """A page of a list."""

    kind: Kind
    reach: Reach
    regions: str
    """Names of the manager's regions."""
    region: str | None
    """The region to whose own entries the list is limited. Those of single engineers are not among them."""
    engineer_id: str | None
    """The engineer to whom the list is limited."""
    engineer: str | None
    """Name of that engineer."""
    first_day: str
    """Day from which on entries are shown, or empty: all days."""
    entries: Sequence[Entry]
    listing: Listed

    @property
    def selective(self) -> bool:
        """Whether the list is limited to a region or an engineer."""
        return bool(self.region or self.engineer_id)

    @property
    def new(self) -> str:
        """Where an entry is added."""
        given = {"region": self.region, "engineerId": self.engineer_id}
        query = {name: value for name, value in given.items() if value}
        return f"{self.kind.new}?{urlencode(query)}" if query else self.kind.new


def showing(kind: Kind) -> Handler:
    """Return what shows the list of a kind."""

    async def show(visit: PageRequest) -> Response:
        # An empty field means all days. Without the field, the list begins today.
        first_day = visit.query.get("from", visit.texts.today().isoformat())
        region, engineer_id = visit.query.get("region") or None, visit.query.get("engineerId") or None
        query = {"region": region, "engineerId": engineer_id, "from": first_day}
        listing = await listed(visit, kind.path, kind.api, query)
        named = {one for one in (engineer_id, *(each["engineerId"] for each in listing.items)) if one}
        engineers = {} if region else await engineers_of(visit.api, named)
        of_list = engineers.get(engineer_id) if engineer_id else None
        reach = await reach_of(visit)
        page = EntriesPage(
            kind,
            reach,
            ", ".join(visit.texts(labels.REGION.get(one, one)) for one in reach.regions),
            region,
            engineer_id,
            of_list["name"] if of_list else engineer_id,
            first_day,
            [Entry.of(one, kind, visit.texts, engineers.get(one["engineerId"])) for one in listing.items],
            listing,
        )
        return await visit.page("calendars/entries.html", page)

    return show
