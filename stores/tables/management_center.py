"""The management centre's tables."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.columns import OURS, SHORT, AsJson, UtcDateTime, table_of


class ManagementCenterTable(SQLModel, registry=registry()):
    """All of this context's tables, and no other's, are in `ManagementCenterTable.metadata`."""


class ServiceAreaRow(ManagementCenterTable, table=True):
    """A service area; retired ones stay, unseen."""

    __tablename__ = "service_area"
    __table_args__ = (Index("service_area_by_region", "region"), OURS)

    service_area_id: str = Field(primary_key=True, max_length=SHORT)
    region: str = Field(max_length=SHORT)
    name: str = Field(max_length=SHORT)
    local_name: str = Field(max_length=SHORT)
    matches: list[str] = Field(sa_type=AsJson(list[str]))
    retired_at: datetime | None = Field(None, sa_type=UtcDateTime)


class EngineerRow(ManagementCenterTable, table=True):
    """An engineer; retired ones stay, unseen."""

    __tablename__ = "engineer"
    __table_args__ = (Index("engineer_by_region", "region", "engineer_id"), OURS)

    engineer_id: str = Field(primary_key=True, max_length=SHORT)
    name: str = Field(max_length=SHORT)
    region: str = Field(max_length=SHORT)
    active: bool = True
    retired_at: datetime | None = Field(None, sa_type=UtcDateTime)


class AssignmentRow(ManagementCenterTable, table=True):
    """What has been decided for one order.

    The assignment in force, if any, may be of an earlier round than the highest that was decided: a manager's choice
    that could not be had changes nothing.
    """

    __tablename__ = "assignment"
    __table_args__ = (Index("assignment_by_engineer", "engineer_id", "closed"), OURS)

    order_id: str = Field(primary_key=True, max_length=SHORT)
    decided_round: int = 0
    refusal: str | None = Field(None, max_length=40)
    """Why the highest round was refused, if it was."""
    address_region: str | None = Field(None, max_length=SHORT)
    closed: bool = False
    engineer_id: str | None = Field(None, max_length=SHORT)
    """None while nobody is assigned; so are the members below."""
    engineer_name: str | None = Field(None, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    round: int | None = None
    reason: str | None = Field(None, sa_type=Text)
    assigned_at: datetime | None = Field(None, sa_type=UtcDateTime)
    assigned_by: str | None = Field(None, sa_type=Text)


SERVICE_AREA = table_of(ServiceAreaRow)
ENGINEER = table_of(EngineerRow)
ASSIGNMENT = table_of(AssignmentRow)
