"""Installations (설치)."""

from api.schemas.common import Id, Sent, Shown, Text, Time
from api.schemas.orders import VisitShown
from domain.installation import InstallationStatus


class EngineerActs(Sent):
    """What an engineer says; without an id, the assigned engineer is meant."""

    engineer_id: Id | None = None


class EngineerDeclines(EngineerActs):
    """That an engineer will not do it, and why."""

    reason: Text | None = None


class InstallationShown(Shown):
    """One engineer's job for one order."""

    order_id: str
    engineer_id: str | None
    engineer_name: str | None
    installation_address: str
    customer_name: str | None
    contact_phone: str | None
    product_name: str
    visit: VisitShown | None
    status: InstallationStatus
    status_at: Time
    completed_at: Time | None
