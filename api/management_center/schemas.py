"""Assignments, candidates for them, and free visit windows (서비스관리센터)."""

from pydantic import Field

from api.http.fields import Address, Id, Identifier, Page, RequestBody, ResponseBody, Time
from api.http.offers import FROM_WHEN, TO_WHEN
from api.http.times import Moment
from api.http.windows import VisitResponse
from domain.management_center.candidates import Obstacle


class SlotsRequest(RequestBody):
    """An address, and the span of time that is searched for free visit windows."""

    address: Address
    product_id: Identifier | None = None
    start: Moment | None = Field(None, alias="from", description=FROM_WHEN)
    end: Moment | None = Field(None, alias="to", description=TO_WHEN)


class AssignmentRequest(RequestBody):
    """A manager's choice of an engineer for an order."""

    engineer_id: Id


class AssignmentResponse(ResponseBody):
    """The engineer and the visit of an order, and the reason for this assignment."""

    order_id: str
    engineer_id: str
    engineer_name: str
    region: str
    round: int
    reason: str
    assigned_at: Time
    by: str
    visit: VisitResponse | None


class CandidateResponse(ResponseBody):
    """An engineer of the region, and whether they could make the visit."""

    engineer_id: str
    name: str
    free: bool
    visits_that_day: int
    skills: list[str]
    missing_skills: list[str]
    reason: Obstacle | None


class CandidatesResponse(Page[CandidateResponse]):
    """All engineers of a region, on one page, and the window of the visit. `null`: the grid has no windows."""

    visit: VisitResponse | None
    next_cursor: None = None
