"""The audit's tables."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from stores.common.columns import OURS, SHORT, AsJson, UtcDateTime, table_of


class AuditTable(SQLModel, registry=registry()):
    """The base of this context's tables. `AuditTable.metadata` contains exactly these."""


class AuditEntryRow(AuditTable, table=True):
    """An audit entry. Rows are added, and never changed or removed."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_by_act_id", "act_id", unique=True),
        Index("audit_entry_by_actor", "actor", "sequence"),
        Index("audit_entry_by_target", "target", "sequence"),
        Index("audit_entry_by_outcome", "outcome", "sequence"),
        Index("audit_entry_by_time", "at"),
        OURS,
    )

    sequence: int = Field(
        # On SQLite, only a column of exactly this type is an alias of the row id.
        sa_type=BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        sa_column_kwargs={"autoincrement": False},
    )
    act_id: str = Field(max_length=40)
    """The record's unique id. It prevents duplicates when a batch is written again."""
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=SHORT)
    address: str = Field(max_length=SHORT)
    act: str = Field(max_length=SHORT)
    target: str | None = Field(None, max_length=SHORT)
    outcome: int
    hash: str = Field(max_length=64)


class AuditHeadRow(AuditTable, table=True):
    """The head of the chain, in a single row that a writer locks. It is kept apart from the entries."""

    __tablename__ = "audit_head"
    __table_args__ = (OURS,)

    chain: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int = Field(sa_type=BigInteger)
    hash: str = Field(max_length=64)


class AccessEntryRow(AuditTable, table=True):
    """An entry of the access log: who has looked at personal data. Rows are added, and removed when they expire."""

    __tablename__ = "access_entry"
    __table_args__ = (
        Index("access_entry_by_time", "at", "entry_id"),
        Index("access_entry_by_actor", "actor", "at", "entry_id"),
        OURS,
    )

    entry_id: str = Field(primary_key=True, max_length=40)
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(max_length=SHORT)
    address: str = Field(max_length=SHORT)
    route: str = Field(max_length=SHORT)
    filters: list[str] = Field(sa_type=AsJson(list[str]))
    people: int
    workflows: list[str] = Field(sa_type=AsJson(list[str]))


class AccessPersonRow(AuditTable, table=True):
    """A person whom an entry of the access log names, by a keyed hash of the customer's id."""

    __tablename__ = "access_person"
    __table_args__ = (Index("access_person_by_time", "at"), OURS)

    person: str = Field(primary_key=True, max_length=64)
    at: datetime = Field(sa_type=UtcDateTime, primary_key=True)
    """The entry's, so that one index finds a person's entries in order."""
    entry_id: str = Field(primary_key=True, max_length=40)


AUDIT_ENTRY = table_of(AuditEntryRow)
AUDIT_HEAD = table_of(AuditHeadRow)
ACCESS_ENTRY = table_of(AccessEntryRow)
ACCESS_PERSON = table_of(AccessPersonRow)
