"""Assignments and free visit windows (서비스관리센터)."""

from api.http.fields import Id, Sent, Shown, Time
from api.http.windows import VisitShown


class NewAssignment(Sent):
    """A manager's choice of an engineer for an order."""

    engineer_id: Id


class AssignmentShown(Shown):
    """Who is to install an order, when, and why."""

    order_id: str
    engineer_id: str
    engineer_name: str
    region: str
    round: int
    reason: str
    assigned_at: Time
    by: str
    visit: VisitShown | None
