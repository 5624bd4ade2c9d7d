"""The read model's tables."""

from collections import Counter
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from domain.orders import HistoryEntry
from stores.common.columns import ADDRESS, KEPT, OURS, SHORT, AsJson, UtcDateTime, table_of

EVENT_ID = 120
"""Characters of the id of an event."""
ROW_ID = BigInteger().with_variant(Integer(), "sqlite")
"""On SQLite, only a column of exactly this type is an alias of the row id."""


class OrderStatusTable(SQLModel, registry=registry()):
    """The base of this context's tables. `OrderStatusTable.metadata` contains exactly these."""


class OrderColumns(SQLModel):
    """The columns of an order in one version."""

    version: int = Field(sa_type=BigInteger)
    customer_id: str = Field(max_length=SHORT)
    customer_name: str | None = Field(None, max_length=SHORT)
    contact_phone: str | None = Field(None, max_length=SHORT)
    note: str | None = Field(None, sa_type=Text)
    product_id: str = Field(max_length=SHORT)
    product_name: str = Field(max_length=SHORT)
    installation_address: str = Field(max_length=ADDRESS)
    order_date: str = Field(max_length=10)
    preferred_visit: datetime | None = Field(None, sa_type=UtcDateTime)
    status: str = Field(max_length=40)
    region: str | None = Field(None, max_length=40)
    engineer_id: str | None = Field(None, max_length=SHORT)
    engineer_name: str | None = Field(None, max_length=SHORT)
    former_engineer_id: str | None = Field(None, max_length=SHORT)
    """The engineer of the version stored before, if this version has another or none."""
    visit_start: datetime | None = Field(None, sa_type=UtcDateTime)
    visit_end: datetime | None = Field(None, sa_type=UtcDateTime)
    install_completed_at: datetime | None = Field(None, sa_type=UtcDateTime)
    attention_reason: str | None = Field(None, max_length=40)
    attention_since: datetime | None = Field(None, sa_type=UtcDateTime)
    attention_detail: str | None = Field(None, sa_type=Text)
    acknowledged_by: str | None = Field(None, max_length=SHORT)
    acknowledged_at: datetime | None = Field(None, sa_type=UtcDateTime)
    needs_person: bool
    """Whether the order has an `attention`. An index on this finds the few; `IS NOT NULL` would read all rows."""
    history: list[HistoryEntry] = Field(sa_type=AsJson(list[HistoryEntry]))
    searched: str = Field(sa_type=Text)
    """The text that `q` searches, folded, so that it is found however it is written."""
    updated_at: datetime = Field(sa_type=UtcDateTime)
    """When this version was stored."""


class OrderStatusRow(OrderStatusTable, OrderColumns, table=True):
    """An order in its newest version."""

    __tablename__ = "order_status"
    __table_args__ = (
        Index("order_status_by_date", "order_date", "order_id"),
        Index("order_status_by_update", "updated_at", "order_id"),
        Index("order_status_by_attention", "attention_since", "order_id"),
        Index("order_status_by_need", "needs_person", "order_date", "order_id"),
        Index("order_status_by_status", "status", "updated_at", "order_id"),
        Index("order_status_by_region", "region", "status", "attention_reason"),
        Index("order_status_by_customer", "customer_id"),
        Index("order_status_by_engineer", "engineer_id"),
        Index("order_status_by_age", "status", "region", "version", "updated_at"),
        Index("order_status_by_unacknowledged", "attention_reason", "region", "acknowledged_at", "attention_since"),
        OURS,
    )

    order_id: str = Field(primary_key=True, max_length=SHORT)
    last_told: str | None = Field(None, max_length=EVENT_ID)
    """Id of the event up to which the history is in the outbox, if a release that knows the outbox stored it."""


class OrderChangeRow(OrderStatusTable, OrderColumns, table=True):
    """An order in a recently stored version."""

    __tablename__ = "order_change"
    __table_args__ = (OURS,)

    sequence: int = Field(sa_type=ROW_ID, primary_key=True, sa_column_kwargs={"autoincrement": False})
    order_id: str = Field(max_length=SHORT)


class FeedPositionRow(OrderStatusTable, table=True):
    """A single row that every writer of orders locks, so that sequence numbers rise in the order of commits."""

    __tablename__ = "feed_position"
    __table_args__ = (OURS,)

    feed: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)
    counted_up_to: int = Field(0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    """`sequence` after the last version that `order_count` contains. It stays behind if a release stores uncounted."""


class OrderCountRow(OrderStatusTable, table=True):
    """The number of orders with one region, status and reason for attention."""

    __tablename__ = "order_count"
    __table_args__ = (OURS,)

    region: str = Field(primary_key=True, max_length=40)
    """Empty: orders that have no region yet."""
    status: str = Field(primary_key=True, max_length=40)
    reason: str = Field(primary_key=True, max_length=40)
    """Empty: orders that need nobody."""
    orders: int = Field(sa_type=BigInteger)


class DayStatisticsRow(OrderStatusTable, table=True):
    """What happened on one day to the orders of one region."""

    __tablename__ = "order_statistics"
    __table_args__ = (KEPT,)

    day: date = Field(primary_key=True)
    region: str = Field(primary_key=True, max_length=40)
    """Empty: of orders that had no region yet."""
    ordered: int
    completed: int
    canceled: int
    declined: int
    unanswered: int
    incomplete_by_reason: Counter[str] = Field(sa_type=AsJson(Counter[str]))
    hours: Counter[int] = Field(sa_type=AsJson(Counter[int]))


class CountedOrderRow(OrderStatusTable, table=True):
    """How far the history of an order has been counted. It outlives the order, which may be stored anew."""

    __tablename__ = "counted_order"
    __table_args__ = (Index("counted_order_by_time", "until"), KEPT)

    order_id: str = Field(primary_key=True, max_length=SHORT)
    entries: int
    until: datetime = Field(sa_type=UtcDateTime)


class StatisticsBeginRow(OrderStatusTable, table=True):
    """A single row: when the statistics began. Earlier events are not counted."""

    __tablename__ = "statistics_begin"
    __table_args__ = (KEPT,)

    statistics: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)


class OrderEventRow(OrderStatusTable, table=True):
    """The outbox: an event of an order for other systems. It has no personal data, and outlives the order."""

    __tablename__ = "order_event"
    __table_args__ = (KEPT,)

    sequence: int = Field(sa_type=ROW_ID, primary_key=True, sa_column_kwargs={"autoincrement": False})
    event_id: str = Field(max_length=EVENT_ID)
    subject: str = Field(max_length=SHORT)
    position: int
    event: str = Field(max_length=60)
    at: datetime = Field(sa_type=UtcDateTime)
    data: dict[str, Any] = Field(sa_type=AsJson(dict[str, Any]))
    region: str | None = Field(None, max_length=40)
    written_at: datetime = Field(sa_type=UtcDateTime)


class OutboxPositionRow(OrderStatusTable, table=True):
    """A single row: the last number of the outbox. The first ones are the time of the clock in milliseconds."""

    __tablename__ = "outbox_position"
    __table_args__ = (KEPT,)

    outbox: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)
    relayed: int = Field(sa_type=BigInteger)
    """Events up to this number have been copied from here."""


ORDER_STATUS = table_of(OrderStatusRow)
ORDER_CHANGE = table_of(OrderChangeRow)
FEED_POSITION = table_of(FeedPositionRow)
ORDER_COUNT = table_of(OrderCountRow)
DAY_STATISTICS = table_of(DayStatisticsRow)
COUNTED_ORDER = table_of(CountedOrderRow)
STATISTICS_BEGIN = table_of(StatisticsBeginRow)
ORDER_EVENT = table_of(OrderEventRow)
OUTBOX_POSITION = table_of(OutboxPositionRow)
