"""Installations (설치)."""

from pydantic import Field

from api.http.fields import Id, RequestBody, ResponseBody, Text, Time
from api.http.windows import VisitResponse
from domain.installation import IncompleteReason, InstallationStatus


class EngineerActs(RequestBody):
    """What an engineer says; without an id, the assigned engineer is meant."""

    engineer_id: Id | None = None


class EngineerDeclines(EngineerActs):
    """That an engineer will not do it, and why."""

    reason: Text | None = None


class EngineerCompletes(EngineerActs):
    """That an engineer has done it, and with which equipment."""

    note: Text | None = None
    serials: list[Text] = Field(default_factory=list, max_length=50, description="Of the equipment installed")


class EngineerFails(EngineerActs):
    """That a visit did not lead to an installation, and why."""

    reason: IncompleteReason
    note: Text | None = None


class InstallationResponse(ResponseBody):
    """One engineer's job for one order."""

    order_id: str
    engineer_id: str | None
    engineer_name: str | None
    installation_address: str
    customer_name: str | None
    contact_phone: str | None
    product_name: str
    visit: VisitResponse | None
    status: InstallationStatus
    status_at: Time
    completed_at: Time | None
    reason: str | None = Field(description="Why it was declined, canceled or left incomplete")
    note: str | None = Field(description="The engineer's own, about the visit")
    serials: list[str]
    customer_note: str | None = Field(description="The order's note")
    region: str | None = Field(description="The order's region, which is not always the engineer's")
    product_id: str | None = Field(description="The order's product")
