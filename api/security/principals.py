"""The sender of a request: the claims of the token, and the role in which the sender acts."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from api.http.errors import Forbidden
from domain.common.errors import NotFound
from domain.common.reach import EVERYTHING, Owned, Reach

ANONYMOUS = "anonymous"
LEEWAY = 30
"""Seconds by which the issuer's clock may deviate."""
UNKNOWN = "nothing with this id exists"
"""The answer for what a caller may not see, which is the same as for what does not exist."""


class Role(StrEnum):
    """The role of a person or a program. What a role may see is the same on every route. The widest role is first."""

    MANAGER = "manager"
    """고객서비스 담당자: sees what belongs to the token's regions, which may be the whole country."""
    SERVICE = "service"
    """A program: sees what its scopes name."""
    ENGINEER = "engineer"
    """설치기사: sees their own current and former installations."""
    CUSTOMER = "customer"
    """고객: sees their own orders."""
    TRACKER = "tracker"
    """Whoever has a tracking token of an order, which no issuer but this service makes: sees this order."""
    OPERATOR = "operator"
    """The operator of the service: sees its metrics, and no order."""


ROLES_OF_ISSUERS = frozenset(Role) - {Role.TRACKER}
"""The roles that a token of an issuer may have."""


@dataclass(frozen=True)
class Identity:
    """The claims of a valid token."""

    subject: str
    expires_at: float
    """The claim `exp`, in seconds since the epoch."""
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[str] = frozenset()
    regions: frozenset[str] | None = frozenset()
    """The regions that a manager reaches. `None`: the whole country."""
    issued_at: float | None = None
    """Seconds since the epoch. `None`: the token does not say."""

    @property
    def accepted_until(self) -> float:
        """The time at which the token counts no more, in seconds since the epoch."""
        return self.expires_at + LEEWAY

    @property
    def role(self) -> Role | None:
        """The widest role, independent of the request."""
        return next((role for role in Role if role in self.roles), None)

    @property
    def actor(self) -> str:
        """The subject, in the widest of its roles, independent of the request."""
        return f"{self.role or 'nobody'}:{self.subject}"


@dataclass(frozen=True)
class Caller:
    """The sender of a request, in the role that allows it. The default is the sender without authentication."""

    role: Role | None = None
    subject: str = ANONYMOUS
    regions: frozenset[str] | None = None
    """The regions to which a manager is limited. `None`: no limit, or another role."""
    expires_at: float | None = None
    """When the token counts no more, in seconds since the epoch."""

    @property
    def actor(self) -> str | None:
        """The name in an order's history. `None`: the request itself names the actor."""
        return f"{self.role}:{self.subject}" if self.role else None

    @property
    def reach(self) -> Reach:
        """The orders that the caller may see, on every route."""
        if self.role is Role.CUSTOMER:
            return Reach(customer_id=self.subject)
        if self.role is Role.ENGINEER:
            return Reach(engineer_id=self.subject)
        if self.role is Role.TRACKER:
            return Reach(order_id=self.subject)
        return EVERYTHING if self.regions is None else Reach(regions=self.regions)

    def require(self, order: Owned) -> None:
        """Check that the caller may see an order.

        Raises:
            NotFound: the caller may not.
        """
        if not self.reach.includes(order):
            raise NotFound(UNKNOWN)

    def resolve(self, role: Role, named: str | None) -> str | None:
        """Return the id that a request means, if it may name somebody of a role. A caller in that role means self.

        Raises:
            Forbidden: a caller in that role names somebody else.
        """
        if self.role is not role:
            return named
        if named not in (None, self.subject):
            raise Forbidden(f"a {role} may act only for themselves")
        return self.subject

    def within(self, regions: Iterable[str]) -> tuple[str, ...]:
        """Return the regions that a request means, if it may name some: at most the caller's own.

        Raises:
            Forbidden: the request names a region that is not the caller's.
        """
        named = tuple(regions)
        if self.regions is None:
            return named
        if not self.regions.issuperset(named):
            raise Forbidden("you have no access to this region")
        return named or tuple(sorted(self.regions))

    def reaches(self, regions: Collection[str | None]) -> bool:
        """Return whether the caller may see something that belongs to these regions."""
        return self.regions is None or not self.regions.isdisjoint(regions)
