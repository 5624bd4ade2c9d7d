"""Assignments and free visit windows (서비스관리센터)."""

from api.http.fields import Id, RequestBody, ResponseBody, Time
from api.http.windows import VisitResponse


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
