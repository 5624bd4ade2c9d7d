"""The tables of the event-delivery context."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, Text, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import OURS, SHORT, AsJson, UtcDateTime, table_of


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


class EventPrunedRow(EventDeliveryTable, table=True):
    """How far an order had come with the events of it that are not kept any more."""

    __tablename__ = "event_pruned"
    __table_args__ = (Index("event_pruned_by_time", "pruned_at"), OURS)

    source: str = Field(primary_key=True, max_length=40)
    subject: str = Field(primary_key=True, max_length=SHORT)
    """The id of the order."""
    position: int
    """The last one in the order's history."""
    at: datetime = Field(sa_type=UtcDateTime)
    """The latest time at which one of these events happened."""
    pruned_at: datetime = Field(sa_type=UtcDateTime)


class EventSubscriptionRow(EventDeliveryTable, table=True):
    """A subscription. Its members are those of `Subscription`."""

    __tablename__ = "event_subscription"
    __table_args__ = (OURS,)

    subscription_id: str = Field(primary_key=True, max_length=64)
    fingerprint: str | None = Field(None, max_length=64)
    """With an idempotency key: equal for a repeated request, and for no other."""
    name: str = Field(max_length=SHORT)
    kind: str = Field(max_length=20)
    url: str = Field(max_length=2000)
    types: list[str] | None = Field(None, sa_type=AsJson(list[str]))
    regions: list[str] | None = Field(None, sa_type=AsJson(list[str]))
    at_once: int
    batch: int = Field(1, sa_column_kwargs={"server_default": text("1")})
    per_minute: int | None = None
    owner: str = Field(max_length=SHORT)
    state: str = Field(max_length=20)
    pause_reason: str | None = Field(None, max_length=40)
    paused_at: datetime | None = Field(None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    agreed_at: datetime | None = Field(None, sa_type=UtcDateTime)
    delivered: int = Field(sa_type=BigInteger)
    ahead: list[int] | None = Field(None, sa_type=AsJson(list[int]))
    batches_after: int | None = Field(None, sa_type=BigInteger)
    run: int = Field(sa_type=BigInteger)
    seen_at: datetime | None = Field(None, sa_type=UtcDateTime)
    """When a delivery was last at work."""
    failing_since: datetime | None = Field(None, sa_type=UtcDateTime)
    forbidden_since: datetime | None = Field(None, sa_type=UtcDateTime)
    failures: int
    retry_at: datetime | None = Field(None, sa_type=UtcDateTime)
    last_outcome: str | None = Field(None, max_length=20)
    last_status: int | None = None
    last_delivered_at: datetime | None = Field(None, sa_type=UtcDateTime)
    allowed_rate: int | None = None


class EventSecretRow(EventDeliveryTable, table=True):
    """A secret that signs what is sent to a subscription, encrypted by a payload key."""

    __tablename__ = "event_secret"
    __table_args__ = (OURS,)

    subscription_id: str = Field(primary_key=True, max_length=64)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Rises with each secret of the subscription."""
    sealed: str = Field(max_length=500)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(None, sa_type=UtcDateTime)


class EventHeldRow(EventDeliveryTable, table=True):
    """An order whose event a consumer has refused. Its events from `sequence` on wait."""

    __tablename__ = "event_held"
    __table_args__ = (OURS,)

    subscription_id: str = Field(primary_key=True, max_length=64)
    subject: str = Field(primary_key=True, max_length=SHORT)
    """The id of the order."""
    sequence: int = Field(sa_type=BigInteger)
    event_id: str = Field(max_length=120)
    since: datetime = Field(sa_type=UtcDateTime)
    attempts: int
    retry_at: datetime | None = Field(None, sa_type=UtcDateTime)
    """`None`: the order is parked, and waits for a person."""
    last_status: int | None = None


class EventAttemptRow(EventDeliveryTable, table=True):
    """A request to a consumer. Nothing of the answer is kept but its status."""

    __tablename__ = "event_attempt"
    __table_args__ = (Index("event_attempt_in_order", "subscription_id", "at", "attempt_id"), OURS)

    attempt_id: str = Field(primary_key=True, max_length=40)
    subscription_id: str = Field(max_length=64)
    sequence: int | None = Field(None, sa_type=BigInteger)
    event_id: str = Field(max_length=120)
    number: int
    at: datetime = Field(sa_type=UtcDateTime)
    outcome: str = Field(max_length=20)
    status: int | None = None
    failure: str | None = Field(None, max_length=20)
    milliseconds: int


EVENT = table_of(EventRow)
EVENT_POSITION = table_of(EventPositionRow)
EVENT_SOURCE = table_of(EventSourceRow)
EVENT_PRUNED = table_of(EventPrunedRow)
EVENT_SUBSCRIPTION = table_of(EventSubscriptionRow)
EVENT_SECRET = table_of(EventSecretRow)
EVENT_HELD = table_of(EventHeldRow)
EVENT_ATTEMPT = table_of(EventAttemptRow)
