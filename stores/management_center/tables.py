"""The management center's tables."""

from datetime import date, datetime

from sqlalchemy import Index, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import OURS, SHORT, AsJson, UtcDateTime, table_of


class ManagementCenterTable(SQLModel, registry=registry()):
    """The base of this context's tables. `ManagementCenterTable.metadata` contains exactly these."""


class ServiceAreaRow(ManagementCenterTable, table=True):
    """A service area. Retired areas stay in the table."""

    __tablename__ = "service_area"
    __table_args__ = (Index("service_area_by_region", "region"), OURS)

    service_area_id: str = Field(primary_key=True, max_length=SHORT)
    region: str = Field(max_length=SHORT)
    name: str = Field(max_length=SHORT)
    local_name: str = Field(max_length=SHORT)
    matches: list[str] = Field(sa_type=AsJson(list[str]))
    retired_at: datetime | None = Field(None, sa_type=UtcDateTime)
    fingerprint: str | None = Field(None, max_length=64)
    """Equal for a repeated request to add the area, and for no other."""


class EngineerRow(ManagementCenterTable, table=True):
    """An engineer. Retired engineers stay in the table."""

    __tablename__ = "engineer"
    __table_args__ = (Index("engineer_by_region", "region", "engineer_id"), OURS)

    engineer_id: str = Field(primary_key=True, max_length=SHORT)
    name: str = Field(max_length=SHORT)
    region: str = Field(max_length=SHORT)
    active: bool = True
    retired_at: datetime | None = Field(None, sa_type=UtcDateTime)
    working_days: int = Field(63, sa_column_kwargs={"server_default": text("63")})
    """One bit for each day of the week. The lowest is Monday."""
    works_from: int = Field(540, sa_column_kwargs={"server_default": text("540")})
    """Minutes of the local day, as `works_until`."""
    works_until: int = Field(1080, sa_column_kwargs={"server_default": text("1080")})
    visits_per_window: int | None = None
    fingerprint: str | None = Field(None, max_length=64)
    """Equal for a repeated request to add the engineer, and for no other."""


class EngineerSkillRow(ManagementCenterTable, table=True):
    """A skill of an engineer."""

    __tablename__ = "engineer_skill"
    __table_args__ = (OURS,)

    engineer_id: str = Field(primary_key=True, max_length=SHORT)
    skill: str = Field(primary_key=True, max_length=SHORT)


class ProductRow(ManagementCenterTable, table=True):
    """A product: its names, and the skills that its installation needs."""

    __tablename__ = "product"
    __table_args__ = (OURS,)

    product_id: str = Field(primary_key=True, max_length=SHORT)
    skills: list[str] = Field(sa_type=AsJson(list[str]))
    name: str | None = Field(None, max_length=SHORT)
    local_name: str | None = Field(None, max_length=SHORT)
    orderable: bool = Field(True, sa_column_kwargs={"server_default": "1"})


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
    hours_from: int | None = None
    """Minutes of each local day, as `hours_until`. None: the whole day."""
    hours_until: int | None = None


class ExtraShiftRow(ManagementCenterTable, table=True):
    """Days on which an engineer, or a whole region, works in addition to the usual hours."""

    __tablename__ = "extra_shift"
    __table_args__ = (
        Index("extra_shift_in_order", "last_day", "extra_shift_id"),
        Index("extra_shift_by_engineer", "engineer_id", "last_day", "extra_shift_id"),
        Index("extra_shift_by_region", "region", "last_day", "extra_shift_id"),
        OURS,
    )

    extra_shift_id: str = Field(primary_key=True, max_length=SHORT)
    engineer_id: str | None = Field(None, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    first_day: date
    last_day: date
    reason: str | None = Field(None, sa_type=Text)
    hours_from: int | None = None
    """Minutes of each local day, as `hours_until`. None: the engineer's usual hours."""
    hours_until: int | None = None


class AssignmentRow(ManagementCenterTable, table=True):
    """The decision for one order.

    The assignment in force, if any, may belong to an earlier round than the highest decided one: if the engineer whom
    a manager has named is not available, the assignment does not change.
    """

    __tablename__ = "assignment"
    __table_args__ = (Index("assignment_by_engineer", "engineer_id", "closed"), OURS)

    order_id: str = Field(primary_key=True, max_length=SHORT)
    decided_round: int = 0
    refusal: str | None = Field(None, max_length=40)
    """The refusal of the highest round, or None."""
    address_region: str | None = Field(None, max_length=SHORT)
    closed: bool = False
    engineer_id: str | None = Field(None, max_length=SHORT)
    """None while nobody is assigned. The same holds for the columns below."""
    engineer_name: str | None = Field(None, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    round: int | None = None
    reason: str | None = Field(None, sa_type=Text)
    assigned_at: datetime | None = Field(None, sa_type=UtcDateTime)
    assigned_by: str | None = Field(None, sa_type=Text)
    visit_start: datetime | None = Field(None, sa_type=UtcDateTime)
    visit_end: datetime | None = Field(None, sa_type=UtcDateTime)
    postponed_until: datetime | None = Field(None, sa_type=UtcDateTime)
    """Until then the dispatcher does not ask the order again: it was asked in vain to decide the next round."""


class BookingRow(ManagementCenterTable, table=True):
    """A booked visit. The row is deleted when the booking is freed.

    The index `booking_once` prevents double booking: each booking takes the lowest seat that it finds free.
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
    """The number of the visit among those that the engineer makes in the window, from 0."""
    visit_end: datetime = Field(sa_type=UtcDateTime)
    day: date
    """The local day."""
    region: str = Field(max_length=SHORT)
    """The engineer's region at the time of booking."""
    skills: list[str] = Field(sa_type=AsJson(list[str]))
    """The engineer's skills that the visit needs."""
    stranded: bool = False
    """The visit is uncovered: the engineer no longer works then."""
    on_holiday: bool | None = None
    """The visit was booked on a national holiday, by an extra shift. None in rows of an earlier release: it was not."""


class WaitingRow(ManagementCenterTable, table=True):
    """An order for which no engineer was found."""

    __tablename__ = "waiting"
    __table_args__ = (
        Index("waiting_in_order", "region", "ordered_at", "order_id"),
        Index("waiting_due", "due_at"),
        OURS,
    )

    order_id: str = Field(primary_key=True, max_length=SHORT)
    region: str | None = Field(None, max_length=SHORT)
    """None if no area matches the address."""
    ordered_at: datetime = Field(sa_type=UtcDateTime)
    product_id: str = Field(max_length=SHORT)
    passed_over: list[str] = Field(sa_type=AsJson(list[str]))
    """Sorted, so that equal lists have equal texts."""
    wanted: datetime | None = Field(None, sa_type=UtcDateTime)
    enough: bool = False
    due_at: datetime | None = Field(None, sa_type=UtcDateTime)
    """When the order is ready for another try. None: when capacity appears."""


SERVICE_AREA = table_of(ServiceAreaRow)
ENGINEER = table_of(EngineerRow)
ASSIGNMENT = table_of(AssignmentRow)
ENGINEER_SKILL = table_of(EngineerSkillRow)
PRODUCT = table_of(ProductRow)
DAY_OFF = table_of(DayOffRow)
EXTRA_SHIFT = table_of(ExtraShiftRow)
BOOKING = table_of(BookingRow)
WAITING = table_of(WaitingRow)
