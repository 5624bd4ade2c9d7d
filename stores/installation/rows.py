"""The installation context's rows: made from what is asked, and made into installations."""

from datetime import datetime
from typing import Any

from domain.installation import CancelInstallation, Installation, InstallationStatus, RequestInstallation
from domain.visits import TimeWindow


def requested(request: RequestInstallation, at: datetime) -> dict[str, Any]:
    """The columns of a round that an engineer is asked in."""
    engineer = {"engineer_id": request.engineer_id, "engineer_name": request.engineer_name}
    visit = {"visit_start": request.visit.start, "visit_end": request.visit.end} if request.visit else {}
    standing = {"round": request.round, "status": InstallationStatus.REQUESTED.value}
    return _installation(request, at) | engineer | visit | standing


def canceled_unasked(request: CancelInstallation, at: datetime) -> dict[str, Any]:
    """The columns of the installation of an order that was canceled before anybody was asked."""
    standing = {"round": 0, "status": InstallationStatus.CANCELED.value, "reason": request.reason}
    return _installation(request, at) | standing


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
        visit=TimeWindow(row.visit_start, row.visit_end) if row.visit_start else None,
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


def _installation(request: RequestInstallation | CancelInstallation, at: datetime) -> dict[str, Any]:
    return {
        "order_id": request.order_id,
        "installation_address": request.installation_address,
        "customer_name": request.customer_name,
        "contact_phone": request.contact_phone,
        "product_name": request.product_name,
        "region": request.region,
        "customer_note": request.customer_note,
        "product_id": request.product_id,
        "requested_at": at,
        "status_at": at,
    }
