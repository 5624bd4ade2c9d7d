"""Conversions between requests, rows and installations of the installation context."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from domain.installation import CancelInstallation, Installation, InstallationStatus, RequestInstallation
from domain.visits import TimeWindow

_CONVERTED = {"visit", "status", "serials"}
_SAME_NAME = [field.name for field in fields(Installation) if field.name not in _CONVERTED]
"""The fields of an installation that a column of the same name holds."""


def requested(request: RequestInstallation, at: datetime) -> dict[str, Any]:
    """Return the columns of a requested round."""
    visit = {"visit_start": request.visit.start, "visit_end": request.visit.end} if request.visit else {}
    return _columns(request, at) | visit | {"status": InstallationStatus.REQUESTED.value}


def canceled_unasked(request: CancelInstallation, at: datetime) -> dict[str, Any]:
    """Return the columns of the installation of an order that was canceled before any round."""
    return _columns(request, at) | {"round": 0, "status": InstallationStatus.CANCELED.value}


def as_installation(row: Any) -> Installation:
    """Return the installation of a row."""
    return Installation(
        **{name: getattr(row, name) for name in _SAME_NAME},
        visit=TimeWindow(row.visit_start, row.visit_end) if row.visit_start else None,
        status=InstallationStatus(row.status),
        serials=row.serials or [],
    )


def _columns(request: RequestInstallation | CancelInstallation, at: datetime) -> dict[str, Any]:
    names = [field.name for field in fields(request) if field.name not in _CONVERTED]
    return {name: getattr(request, name) for name in names} | {"requested_at": at, "status_at": at}
