"""The senders of requests, for tests of what each of them may do."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from api.http.errors import Forbidden
from api.ownership import OWNED
from api.security.permissions import RULES, SCOPES
from api.security.principals import Caller, Identity, Role
from tests.api.issuer import Issuer
from tests.api.known import EVERY_SCOPE
from tests.api.trackers import tracker_token

OURS, THEIRS = "KR-11", "KR-26"
"""Two regions. A manager with limited regions belongs to the first, or to neither."""


@dataclass(frozen=True)
class Actor:
    """A sender with a valid token, or without one."""

    name: str
    token: str | None
    identity: Identity | None = None
    """The claims of a valid token, or None."""
    sees: frozenset[str] = frozenset()
    """The regions whose resources the actor may see."""

    def __str__(self) -> str:
        return self.name

    def caller(self, route: str) -> Caller | None:
        """Return the role in which the actor may use a route."""
        rule = RULES[route]
        try:
            return rule.admit(self.identity) if rule and self.identity else None
        except Forbidden:
            return None

    def refusal(self, route: str, whose: str) -> int | None:
        """Return the status that follows from the actor alone; None if the rest of the request decides."""
        if RULES[route] is None:
            return None
        if self.identity is None:
            return 401
        if self.caller(route) is None:
            return 403
        if "{eventSubscriptionId}" in route and Role.SERVICE in self.identity.roles:
            return 404  # a service sees its own alone
        return 404 if whose not in self.sees and any(f"{{{name}}}" in route for name in OWNED) else None


def actors(issuer: Issuer, *, customer_id: str, engineer_id: str, order_id: str) -> Iterator[Actor]:
    """Return all actors.

    Args:
        issuer: The issuer of their tokens.
        customer_id: The customer of the order in `OURS`.
        engineer_id: The engineer of that order.
        order_id: That order.
    """

    def known(
        name: str,
        subject: str,
        *roles: Role,
        sees: tuple[str, ...] = (),
        scope: str = "",
        regions: tuple[str, ...] | None = ("*",),
    ) -> Actor:
        limits = None if regions == ("*",) else frozenset(regions or ())
        identity = Identity(subject, inf, frozenset(roles), frozenset(scope.split()), limits)
        claim = None if regions is None else list(regions)
        return Actor(name, issuer.token(subject, *roles, scope=scope, regions=claim), identity, frozenset(sees))

    yield Actor("nobody", None)
    yield Actor("a broken token", issuer.token("kim", "manager")[:-8] + "AAAAAAAA")
    yield Actor("an expired token", issuer.token("kim", "manager", exp=1))
    yield known("no role", customer_id)
    yield known("the customer", customer_id, Role.CUSTOMER, sees=(OURS,))
    yield known("another customer", "stranger", Role.CUSTOMER)
    yield known("the engineer", engineer_id, Role.ENGINEER, sees=(OURS,))
    yield known("another engineer", "kr-28-1", Role.ENGINEER)
    yield known("the region's manager", "lee", Role.MANAGER, sees=(OURS,), regions=(OURS,))
    yield known("another region's manager", "moon", Role.MANAGER, regions=("KR-28",))
    yield known("no region's manager", "no", Role.MANAGER, regions=())
    yield known("a manager of regions that are not said", "no", Role.MANAGER, regions=None)
    tracker = Identity(order_id, inf, frozenset({Role.TRACKER}))
    yield Actor("the order's tracker", tracker_token(order_id), tracker, frozenset({OURS}))
    yield known("an operator", "ops", Role.OPERATOR, scope=EVERY_SCOPE)
    yield known("the manager", "kim", Role.MANAGER, sees=(OURS, THEIRS))
    for scope in ("openid", *sorted(SCOPES)):
        yield known(f"a service with {scope}", f"service-{scope}", Role.SERVICE, sees=(OURS, THEIRS), scope=scope)
