"""Schemas of the audit trail."""

from typing import Self

from pydantic import Field

from api.http.fields import ResponseBody, Time
from domain.audit import AccessEntry, AuditEntry


class AuditEntryResponse(ResponseBody):
    """An audit entry: who has done what, or was refused."""

    sequence: int
    at: Time
    actor: str = Field(description="Role and subject, for example `manager:kim`; or `anonymous`")
    address: str
    act: str = Field(description="The method and the route")
    target: str | None = Field(description="The id of the affected resource")
    outcome: int = Field(description="The HTTP status of the response")
    hash: str = Field(description="SHA-256 of the entry and the previous hash")

    @classmethod
    def of(cls, entry: AuditEntry) -> Self:
        """Make the response from an entry."""
        record = entry.act
        return cls(
            sequence=entry.sequence,
            at=record.at,
            actor=record.actor,
            address=record.address,
            act=record.act,
            target=record.target,
            outcome=record.outcome,
            hash=entry.hash,
        )


class AccessEntryResponse(ResponseBody):
    """An answer that has shown personal data: to whom, when, from where, and of how many people."""

    at: Time
    actor: str
    address: str
    route: str
    filters: list[str] = Field(description="The names of the filters, without their values")
    people: int
    workflows: list[str] = Field(description="Workflows whose content was decrypted, at most 200")

    @classmethod
    def of(cls, entry: AccessEntry) -> Self:
        """Make the response from an entry."""
        return cls.model_validate(entry)
