"""Audit (감사 기록): who did what, when, from where, and with which outcome."""

from dataclasses import dataclass
from datetime import datetime

from domain.common.times import UNSET


@dataclass(frozen=True)
class AuditRecord:
    """One request that was carried out or refused. It identifies a person only by the subject of their token."""

    act_id: str
    at: datetime = UNSET
    actor: str = ""
    """Role and subject, as in `manager:kim`."""
    address: str = ""
    act: str = ""
    """HTTP method and route."""
    target: str | None = None
    """Id of the object that the request was about."""
    outcome: int = 0
    """HTTP status of the response."""


@dataclass(frozen=True)
class AuditEntry:
    """An audit record as it is stored in the chain."""

    sequence: int
    act: AuditRecord
    hash: str
    """Hash of this entry together with the hash of the previous entry."""


@dataclass(frozen=True)
class AuditFilter:
    """Conditions that select audit entries. An entry has to meet all that are set."""

    actor: str | None = None
    target: str | None = None
    outcome: int | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Head:
    """Last entry of the chain."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class BrokenChain(Exception):
    """An entry was changed after it was written. `sequence` is the first such entry."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"entry {sequence}: {why}")
        self.sequence = sequence
