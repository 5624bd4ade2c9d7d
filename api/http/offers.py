"""Free visit windows in requests and responses: the span that is searched, and what was found."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field
from pydantic_core import to_json

from api.http.fields import Page
from api.http.times import Moment, beginning_of, span_between
from api.http.windows import SlotResponse, shown
from domain.management_center.addresses import PlacementProblem
from domain.management_center.offers import Offer
from domain.visits import VisitGrid

MOST_DAYS = 62
"""The longest span that is searched for free windows."""
FROM_WHEN = "The default is now"
TO_WHEN = "A day is included, a time is not. The default is two weeks after `from`"
_DEFAULT_SPAN = timedelta(days=14)

FromWhen = Annotated[Moment | None, Query(alias="from", description=FROM_WHEN)]
ToWhen = Annotated[Moment | None, Query(alias="to", description=TO_WHEN)]


class OfferResponse(Page[SlotResponse]):
    """The free visit windows of an address, and the region in which it is. Without a region there are no windows."""

    region: str | None
    region_name: str | None
    region_local_name: str | None
    reason: PlacementProblem | None = Field(description="Why the region is not known")
    regions: list[str] = Field(description="The regions in question, if the address is ambiguous")


def span_to_search(start: date | None, end: date | None, grid: VisitGrid) -> tuple[datetime, datetime]:
    """Return the points in time from which on and before which the windows begin.

    Raises:
        ValueError: `from` is after `to`, or the span is too long.
    """
    begins = beginning_of(start or datetime.now(UTC), grid)
    ends = span_between(begins, end, grid)[1] or begins + _DEFAULT_SPAN
    if (grid.day_of(ends) - grid.day_of(begins)).days > MOST_DAYS:
        raise ValueError(f"from `from` to `to` there must be at most {MOST_DAYS} days")
    return begins, ends


def offered(offer: Offer) -> Response:
    """Return the response with an offer."""
    placement, area = offer.placement, offer.placement.area
    content = {
        "items": shown(offer.slots),
        "nextCursor": None,
        "region": placement.region,
        "regionName": area and area.name,
        "regionLocalName": area and area.local_name,
        "reason": placement.problem,
        "regions": placement.regions,
    }
    # Serialized here, because FastAPI would validate and copy each window.
    return Response(to_json(content), media_type="application/json")
