"""Installations (설치)."""

from typing import ClassVar

from pydantic import Field

from api.http.fields import Id, RequestBody, Text, Time
from api.http.windows import VisitResponse
from api.security.views import FAILED_VISIT_VIEWS, INSTALLATION_VIEWS, ViewedAnswer, Views
from domain.common.personal import personal_fields
from domain.installation import IncompleteReason, Installation, InstallationStatus


class EngineerActs(RequestBody):
    """An action of an engineer. Without an id, it is the assigned engineer's."""

    engineer_id: Id | None = None


class EngineerDeclines(EngineerActs):
    """An engineer declines, with the reason."""

    reason: Text | None = None


class EngineerCompletes(EngineerActs):
    """An engineer has completed the installation, with the equipment used."""

    note: Text | None = None
    serials: list[Text] = Field(
        default_factory=list, max_length=50, description="Serial numbers of the installed equipment"
    )


class EngineerFails(EngineerActs):
    """A visit without an installation, with the reason."""

    reason: IncompleteReason
    note: Text | None = None


class InstallationResponse(ViewedAnswer):
    """One engineer's job for one order. Members that the caller's role may not see are null."""

    views: ClassVar[Views] = INSTALLATION_VIEWS
    personal: ClassVar[frozenset[str]] = personal_fields(Installation) - {"customer_id"}

    order_id: str
    engineer_id: str | None
    engineer_name: str | None
    installation_address: str | None
    customer_name: str | None
    contact_phone: str | None
    product_name: str
    visit: VisitResponse | None
    status: InstallationStatus
    status_at: Time
    completed_at: Time | None
    reason: str | None = Field(description="Why it was declined, canceled or left incomplete")
    note: str | None = Field(description="The engineer's note about the visit")
    serials: list[str]
    customer_note: str | None = Field(description="The order's note")
    region: str | None = Field(description="The order's region, which may differ from the engineer's")
    product_id: str | None = Field(description="The order's product")

    @property
    def words_of_others(self) -> frozenset[str]:
        """The reason of a cancellation. The reason of a decline or a failed visit is the engineer's own."""
        return frozenset({"reason"} if self.status is InstallationStatus.CANCELED else ())


class FailedVisitResponse(ViewedAnswer):
    """A visit that led to no installation. Members that the caller's role may not see are null."""

    views: ClassVar[Views] = FAILED_VISIT_VIEWS
    personal: ClassVar[frozenset[str]] = frozenset({"reason", "note"})

    order_id: str
    engineer_id: str | None
    engineer_name: str | None
    visit: VisitResponse | None
    status_at: Time = Field(description="When the engineer reported it")
    reason: str | None = Field(description="Why nothing was installed")
    note: str | None = Field(description="What the engineer noted about the visit")
