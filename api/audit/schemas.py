"""The audit, as it is shown."""

from typing import Self

from pydantic import Field

from api.http.fields import ResponseBody, Time
from domain.audit import AuditEntry


class AuditEntryResponse(ResponseBody):
    """Who has done what, or was refused."""

    sequence: int
    at: Time
    actor: str = Field(description="Role and subject, as in `manager:kim`; or `anonymous`")
    address: str
    act: str = Field(description="The method and the route")
    target: str | None = Field(description="What it was done to: an id")
    outcome: int = Field(description="The status of the answer")
    hash: str = Field(description="Of the entry and of the hash before it: SHA-256")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """From an entry."""
        act = entry.act
        return cls(
            sequence=entry.sequence,
            at=act.at,
            actor=act.actor,
            address=act.address,
            act=act.act,
            target=act.target,
            outcome=act.outcome,
            hash=entry.hash,
        )
