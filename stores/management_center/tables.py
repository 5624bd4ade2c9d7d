"""The management center's tables."""

from datetime import date, datetime

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import OURS, SHORT, AsJson, UtcDateTime, table_of


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
    working_days: int = Field(63, sa_column_kwargs={"server_default": text("63")})
    """One bit for each day of the week, Monday's the lowest."""
    works_from: int = Field(540, sa_column_kwargs={"server_default": text("540")})
    """In minutes of the local day, as is the next."""
    works_until: int = Field(1080, sa_column_kwargs={"server_default": text("1080")})
    visits_per_window: int | None = None


class EngineerSkillRow(ManagementCenterTable, table=True):
    """Something that an engineer can do."""

    __tablename__ = "engineer_skill"
    __table_args__ = (OURS,)

    engineer_id: str = Field(primary_key=True, max_length=SHORT)
    skill: str = Field(primary_key=True, max_length=SHORT)


class ProductRow(ManagementCenterTable, table=True):
    """What the installation of a product takes."""

    __tablename__ = "product"
    __table_args__ = (OURS,)

    product_id: str = Field(primary_key=True, max_length=SHORT)
    skills: list[str] = Field(sa_type=AsJson(list[str]))


class DayOffRow(ManagementCenterTable, table=True):
    """Days on which an engineer, or a whole region, does not work."""

    __tablename__ = "day_off"
    __table_args__ = (
        Index("day_off_in_order", "last_day", "day_off_id"),
        Index("day_off_by_engineer", "engineer_id", "last_day", "day_off_id"),
        Index("day_off_by_region", "region", "last_day", "day_off_id"),
        OURS,
    )

    day_off_id: str = Field(primary_key=True, max_length=SHORT)
    engineer_id: str | None = Field(None, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    first_day: date
    last_day: date
    reason: str | None = Field(None, sa_type=Text)


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
    visit_start: datetime | None = Field(None, sa_type=UtcDateTime)
    visit_end: datetime | None = Field(None, sa_type=UtcDateTime)


class BookingRow(ManagementCenterTable, table=True):
    """A visit that an engineer is to make. It is there for as long as it stands, and then goes.

    That no place is sold twice is up to `booking_once`: whoever books takes the lowest seat that they find empty.
    """

    __tablename__ = "booking"
    __table_args__ = (
        Index("booking_once", "engineer_id", "visit_start", "seat", unique=True),
        Index("booking_by_region", "region", "stranded", "visit_start", "visit_end", "engineer_id", "seat"),
        Index("booking_by_day", "engineer_id", "day", "stranded"),
        Index("booking_stranded", "stranded", "visit_start", "order_id"),
        OURS,
    )

    order_id: str = Field(primary_key=True, max_length=SHORT)
    engineer_id: str = Field(max_length=SHORT)
    visit_start: datetime = Field(sa_type=UtcDateTime)
    seat: int
    """Which of the visits that the engineer takes in the window, from 0."""
    visit_end: datetime = Field(sa_type=UtcDateTime)
    day: date
    """The local one."""
    region: str = Field(max_length=SHORT)
    """The engineer's at that time."""
    skills: list[str] = Field(sa_type=AsJson(list[str]))
    """Those of the engineer that the visit takes."""
    stranded: bool = False
    """The engineer does not work then any more."""


class WaitingRow(ManagementCenterTable, table=True):
    """An order that nobody could be found for."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index("waiting_in_order", "region", "ordered_at", "order_id"),
        Index("waiting_due", "due_at"),
        OURS,
    )

    order_id: str = Field(primary_key=True, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    """None where no area matches the address."""
    ordered_at: datetime = Field(sa_type=UtcDateTime)
    product_id: str = Field(max_length=SHORT)
    passed_over: list[str] = Field(sa_type=AsJson(list[str]))
    """In order, so that equal ones are equal texts."""
    wanted: datetime | None = Field(None, sa_type=UtcDateTime)
    enough: bool = False
    due_at: datetime | None = Field(None, sa_type=UtcDateTime)
    """From when on it may be worth a try; None: not before capacity appears."""


SERVICE_AREA = table_of(ServiceAreaRow)
ENGINEER = table_of(EngineerRow)
ASSIGNMENT = table_of(AssignmentRow)
ENGINEER_SKILL = table_of(EngineerSkillRow)
PRODUCT = table_of(ProductRow)
DAY_OFF = table_of(DayOffRow)
BOOKING = table_of(BookingRow)
WAITING = table_of(WaitingRow)
