"""The installation context's rows: made from what is asked, and made into installations."""

from datetime import datetime
from typing import Any

from domain.installation import CancelInstallation, Installation, InstallationStatus, RequestInstallation
from domain.orders import Visit


def requested(asked: RequestInstallation, at: datetime) -> dict[str, Any]:
    """The columns of a round that an engineer is asked in."""
    engineer = {"engineer_id": asked.engineer_id, "engineer_name": asked.engineer_name}
    visit = {"visit_start": asked.visit.start, "visit_end": asked.visit.end} if asked.visit else {}
    standing = {"round": asked.round, "status": InstallationStatus.REQUESTED.value}
    return _installation(asked, at) | engineer | visit | standing


def canceled_unasked(asked: CancelInstallation, at: datetime) -> dict[str, Any]:
    """The columns of the installation of an order that was cancelled before anybody was asked."""
    standing = {"round": 0, "status": InstallationStatus.CANCELED.value, "reason": asked.reason}
    return _installation(asked, at) | standing


def as_installation(row: Any) -> Installation:
    """The installation of a row."""
    return Installation(
        order_id=row.order_id,
        round=row.round,
        engineer_id=row.engineer_id,
        engineer_name=row.engineer_name,
        installation_address=row.installation_address,
        customer_name=row.customer_name,
        contact_phone=row.contact_phone,
        product_name=row.product_name,
        visit=Visit(row.visit_start, row.visit_end) if row.visit_start else None,
        status=InstallationStatus(row.status),
        status_at=row.status_at,
        completed_at=row.completed_at,
        reason=row.reason,
        note=row.note,
        serials=row.serials or [],
        region=row.region,
        customer_note=row.customer_note,
        product_id=row.product_id,
    )


def _installation(asked: RequestInstallation | CancelInstallation, at: datetime) -> dict[str, Any]:
    return {
        "order_id": asked.order_id,
        "installation_address": asked.installation_address,
        "customer_name": asked.customer_name,
        "contact_phone": asked.contact_phone,
        "product_name": asked.product_name,
        "region": asked.region,
        "customer_note": asked.customer_note,
        "product_id": asked.product_id,
        "requested_at": at,
        "status_at": at,
    }
