"""The installation context's tables."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import ADDRESS, OURS, SHORT, AsJson, UtcDateTime, table_of


class InstallationTable(SQLModel, registry=registry()):
    """The base of this context's tables. `InstallationTable.metadata` contains exactly these."""


class InstallationOrderRow(InstallationTable, table=True):
    """One order. Every change of its installations locks this row."""

    __tablename__ = "installation_order"
    __table_args__ = (OURS,)

    order_id: str = Field(primary_key=True, max_length=SHORT)
    newest_round: int = 0
    canceled: bool = False
    """The order is canceled. Later requests are refused."""


class InstallationRow(InstallationTable, table=True):
    """One round: one engineer's job for one order."""

    __tablename__ = "installation"
    __table_args__ = (
        Index("installation_by_time", "requested_at", "order_id", "round"),
        Index("installation_by_status", "status", "requested_at", "order_id", "round"),
        Index("installation_by_engineer", "engineer_id", "requested_at", "order_id", "round"),
        Index("installation_by_engineer_and_status", "engineer_id", "status", "requested_at", "order_id", "round"),
        Index("installation_by_visit", "visit_start", "order_id", "round"),
        Index("installation_by_status_and_visit", "status", "visit_start", "order_id", "round"),
        Index("installation_by_engineer_and_visit", "engineer_id", "visit_start", "order_id", "round"),
        Index("installation_by_region", "region", "requested_at", "order_id", "round"),
        Index("installation_by_region_and_status", "region", "status", "requested_at", "order_id", "round"),
        Index("installation_by_region_and_visit", "region", "visit_start", "order_id", "round"),
        Index("installation_by_region_status_and_visit", "region", "status", "visit_start", "order_id", "round"),
        OURS,
    )

    order_id: str = Field(primary_key=True, max_length=SHORT)
    round: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    engineer_id: str | None = Field(None, max_length=SHORT)
    engineer_name: str | None = Field(None, max_length=SHORT)
    installation_address: str = Field(max_length=ADDRESS)
    customer_name: str | None = Field(None, max_length=SHORT)
    contact_phone: str | None = Field(None, max_length=SHORT)
    product_name: str = Field(max_length=SHORT)
    requested_at: datetime = Field(sa_type=UtcDateTime)
    """Never changes. The work lists are ordered by it, or by the visit."""
    visit_start: datetime | None = Field(None, sa_type=UtcDateTime)
    """Never changes either: another visit is another round."""
    visit_end: datetime | None = Field(None, sa_type=UtcDateTime)
    status: str = Field(max_length=40)
    status_at: datetime = Field(sa_type=UtcDateTime)
    completed_at: datetime | None = Field(None, sa_type=UtcDateTime)
    reason: str | None = Field(None, sa_type=Text)
    note: str | None = Field(None, sa_type=Text)
    serials: list[str] | None = Field(None, sa_type=AsJson(list[str]))
    region: str | None = Field(None, max_length=40)
    """The order's region, by which managers see the row. All rounds of an order that have a region have the same."""
    customer_note: str | None = Field(None, sa_type=Text)
    product_id: str | None = Field(None, max_length=SHORT)
    customer_id: str | None = Field(None, max_length=SHORT)


INSTALLATION_ORDER = table_of(InstallationOrderRow)
INSTALLATION = table_of(InstallationRow)
