"""The audit (감사 기록): who has done what, when, from where, and with which outcome."""

from dataclasses import dataclass
from datetime import datetime

from domain.common.times import UNSET


@dataclass(frozen=True)
class AuditRecord:
    """What somebody has done, or was refused. Names nobody but by the subject of their token."""

    act_id: str
    at: datetime = UNSET
    actor: str = ""
    """Role and subject, as in `manager:kim`."""
    address: str = ""
    act: str = ""
    """The method and the route."""
    target: str | None = None
    """What it was done to: an id."""
    outcome: int = 0
    """The status of the answer."""


@dataclass(frozen=True)
class AuditEntry:
    """An act as it was written down."""

    sequence: int
    act: AuditRecord
    hash: str
    """Of this entry and of the hash of the one before it."""


@dataclass(frozen=True)
class AuditFilter:
    """Which entries: all conditions that are given hold."""

    actor: str | None = None
    target: str | None = None
    outcome: int | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Head:
    """How far the chain of entries reaches."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


class BrokenChain(Exception):
    """An entry is not as it was written: `sequence` is the first such."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"entry {sequence}: {why}")
        self.sequence = sequence
