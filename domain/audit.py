"""Audit (감사 기록): who did what, and who has looked at whose personal data (개인정보 접속기록)."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import quote

from domain.common.times import UNSET

LONGEST_TARGET = 200
"""Characters."""
_TO_ESCAPE = re.compile(r"[^\w.~@-]")


def target_of(id_: str) -> str:
    """Return an id as the audit names it: escaped as in the path of a URL, so that it can be used in a request again.

    Letters of all languages stay as they are. An id that is too long then is named by its SHA-256.
    """
    escaped = _TO_ESCAPE.sub(lambda found: quote(found[0], safe="@", errors="replace"), id_)
    return escaped if len(escaped) <= LONGEST_TARGET else f"sha256-{hashlib.sha256(id_.encode()).hexdigest()}"


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
    """Id of the object that the request was about, as `target_of` writes it."""
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

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the head that a text names as `SEQUENCE:HASH`.

        Raises:
            ValueError: the text has another format.
        """
        if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text):
            raise ValueError("a head is SEQUENCE:HASH")
        sequence, _, found = text.partition(":")
        return cls(int(sequence), found)

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


MOST_NAMED = 200
"""The largest number of people whom an entry of the access log names. Beyond that, it only counts them."""


@dataclass(frozen=True)
class AccessEntry:
    """An answer that showed personal data to somebody else than the customer, or one minute of a long answer."""

    entry_id: str
    at: datetime = UNSET
    actor: str = ""
    """Role and subject, as in `manager:kim`."""
    address: str = ""
    route: str = ""
    """HTTP method and route."""
    filters: tuple[str, ...] = ()
    """Names of the filters, without their values."""
    people: int = 0
    persons: tuple[str, ...] = ()
    """The people, at most `MOST_NAMED`, as `AccessLogKey.person` names them. Empty in what the store returns."""
    workflows: tuple[str, ...] = ()
    """Ids of the workflows whose content was decrypted, at most `MOST_NAMED`."""


@dataclass(frozen=True)
class AccessFilter:
    """Conditions that select entries of the access log. An entry has to meet all that are set."""

    person: str | None = None
    actor: str | None = None
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class Reader:
    """What one actor has read in a span of time."""

    actor: str
    reads: int
    people: int
    """Different people. Those whom an entry does not name count each time."""


class BrokenChain(Exception):
    """The entries are not as this service wrote them. `sequence` is the first that is changed, missing or foreign."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"entry {sequence}: {why}")
        self.sequence = sequence
