"""The tables of the event-delivery context."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import OURS, SHORT, UtcDateTime, table_of


class EventDeliveryTable(SQLModel, registry=registry()):
    """The base of this context's tables. `EventDeliveryTable.metadata` contains exactly these."""


class EventRow(EventDeliveryTable, table=True):
    """An event of an order, as every consumer gets it."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_by_id", "event_id", unique=True),
        Index("event_by_subject", "subject", "sequence"),
        Index("event_by_time", "appended_at", "sequence"),
        OURS,
    )

    sequence: int = Field(
        # On SQLite, only a column of exactly this type is an alias of the row id.
        sa_type=BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        sa_column_kwargs={"autoincrement": False},
    )
    event_id: str = Field(max_length=120)
    source: str = Field(max_length=40)
    """The context whose outbox the event comes from."""
    subject: str = Field(max_length=SHORT)
    """The id of the order."""
    type: str = Field(max_length=80)
    region: str | None = Field(None, max_length=40)
    at: datetime = Field(sa_type=UtcDateTime)
    """When it happened."""
    document: str = Field(sa_type=Text)
    """The CloudEvent as JSON text. Everybody is sent exactly this text."""
    appended_at: datetime = Field(sa_type=UtcDateTime)


class EventPositionRow(EventDeliveryTable, table=True):
    """A single row that every writer of events locks, so that sequence numbers rise in the order of commits."""

    __tablename__ = "event_position"
    __table_args__ = (OURS,)

    log: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)
    """The last number that was given. Each number up to it is used, or never will be."""
    pruned: int = Field(sa_type=BigInteger)
    """Events up to this number are not kept any more. Every later event is here."""


class EventSourceRow(EventDeliveryTable, table=True):
    """How far the outbox of a context has been copied into the log."""

    __tablename__ = "event_source"
    __table_args__ = (OURS,)

    source: str = Field(primary_key=True, max_length=40)
    sequence: int = Field(sa_type=BigInteger)


EVENT = table_of(EventRow)
EVENT_POSITION = table_of(EventPositionRow)
EVENT_SOURCE = table_of(EventSourceRow)
