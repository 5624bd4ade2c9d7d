"""Who sends a request: what their token says of them, and the role in which they act."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from api.http.errors import Forbidden

ANONYMOUS = "anonymous"


class Role(StrEnum):
    """What a person or a program is to the service. Each role's reach is the same on every route."""

    MANAGER = "manager"
    """고객서비스 담당자: everything, or what belongs to certain regions."""
    SERVICE = "service"
    """A program: what its scopes name."""
    ENGINEER = "engineer"
    """설치기사: the installations that are, or were, theirs."""
    CUSTOMER = "customer"
    """고객: their own orders."""
    OPERATOR = "operator"
    """Who runs the service: its metrics; no order."""


@dataclass(frozen=True)
class Identity:
    """What a valid token says."""

    subject: str
    expires_at: float
    """Seconds since the epoch."""
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()
    regions: frozenset[str] | None = None
    """Those that a manager is limited to; `None`: to none."""

    @property
    def actor(self) -> str:
        """Who it is, in the widest of their roles, whatever they ask for."""
        return f"{next((role for role in Role if role in self.roles), 'nobody')}:{self.subject}"


@dataclass(frozen=True)
class Caller:
    """Who sends a request, in the role that counts for it; as it comes: anybody, where no tokens are asked for."""

    role: Role | None = None
    subject: str = ANONYMOUS
    regions: frozenset[str] | None = None
    expires_at: float | None = None

    @property
    def actor(self) -> str | None:
        """As an order's history names them; `None`: what the request says itself counts."""
        return f"{self.role}:{self.subject}" if self.role else None

    def themselves(self, role: Role, named: str | None) -> str | None:
        """Whom a request means that may name somebody of a role: who acts in that role means themselves alone.

        Raises:
            Forbidden: they name somebody else.
        """
        if self.role is not role:
            return named
        if named not in (None, self.subject):
            raise Forbidden(f"a {role} can act for nobody else")
        return self.subject

    def within(self, regions: Iterable[str]) -> tuple[str, ...]:
        """Which regions a request means that may name some: at most those that the caller is limited to.

        Raises:
            Forbidden: it names another.
        """
        named = tuple(regions)
        if self.regions is None:
            return named
        if not self.regions.issuperset(named):
            raise Forbidden("the region is not yours")
        return named or tuple(sorted(self.regions))

    def reaches(self, regions: Collection[str | None]) -> bool:
        """Whether something of one of these regions is the caller's to see."""
        return self.regions is None or not self.regions.isdisjoint(regions)
