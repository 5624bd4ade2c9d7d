"""Assignments, and candidates for them (서비스관리센터)."""

from api.http.fields import Id, Page, RequestBody, ResponseBody, Time
from api.http.windows import VisitResponse
from domain.management_center.candidates import Obstacle


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
