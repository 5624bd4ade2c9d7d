"""Who may do what: the one place that says so.

A role's reach is the same on every route (`api/ownership.py` looks, before the route does anything):

- a customer: the orders whose `customerId` is the token's subject;
- an engineer: the orders that they, the token's subject, are or were asked to install;
- a manager: everything; with the claim `regions`, what belongs to those, and nothing that concerns the whole country;
- a service: everything on the routes whose scope its token names;
- an operator: no order.

What is out of reach is not seen (`404`), what is not allowed to the role is refused (`403`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from api.http.errors import Forbidden
from api.security.principals import Caller, Identity, Role


class Noted(Enum):
    """What the audit promises of a route's requests. A route that changes something has to say one of these."""

    FOR_GOOD = auto()
    """Each that changes something is noted: without room for its note it is refused before it changes anything."""
    WHILE_THERE_IS_ROOM = auto()
    """Never refused for the audit's sake: an act on an order, whose own history names actor and time, or a decoding."""
    REFUSALS = auto()
    """It reads: noted is only who is refused because of who they are."""


@dataclass(frozen=True)
class Rule:
    """Who may use a route, and what the audit notes of it."""

    scope: str
    """That a service's token has to name."""
    roles: frozenset[Role]
    """Beside services."""
    nationwide: bool = False
    """It concerns the whole country: not for a manager who is limited to regions."""
    noted: Noted = Noted.REFUSALS
    """What the audit promises of its requests."""

    def __str__(self) -> str:
        limits = "; no manager who is limited to regions" if self.nationwide else ""
        return f"For: {', '.join(sorted(self.roles))}{limits}; or a service with the scope `{self.scope}`."

    def admit(self, identity: Identity) -> Caller:
        """In which role somebody uses it: where they have several, in the one with the widest reach.

        Raises:
            Forbidden: in none.
        """
        limited = identity.regions is not None
        for role in Role:
            if role not in identity.roles or role not in self.roles | {Role.SERVICE}:
                continue
            if role is Role.SERVICE and self.scope not in identity.scopes:
                continue
            if role is Role.MANAGER and limited and (self.nationwide or not identity.regions):
                continue
            regions = identity.regions if role is Role.MANAGER else None
            return Caller(role, identity.subject, regions, identity.expires_at)
        raise Forbidden("your role does not allow it", scope=self.scope if Role.SERVICE in identity.roles else None)


def _read(scope: str, *roles: Role, nationwide: bool = False) -> Rule:
    return Rule(scope, frozenset(roles), nationwide)


def _act(scope: str, noted: Noted, *roles: Role, nationwide: bool = False) -> Rule:
    return Rule(scope, frozenset(roles), nationwide, noted)


_READ_ORDERS, _WRITE_ORDERS = "orders:read", "orders:write"
_READ_STAFF, _WRITE_STAFF = "managementCenters:read", "managementCenters:write"
_ENGINEERS_OWN = Role.ENGINEER, Role.MANAGER
_CUSTOMERS_OWN = Role.CUSTOMER, Role.MANAGER
_ACT = _act("installations:write", Noted.WHILE_THERE_IS_ROOM, *_ENGINEERS_OWN)
_LOOK_AT_STAFF = _read(_READ_STAFF, Role.MANAGER)
_ASSIGN = _act(_WRITE_STAFF, Noted.WHILE_THERE_IS_ROOM, Role.MANAGER)
_CHANGE_STAFF = _act(_WRITE_STAFF, Noted.FOR_GOOD, Role.MANAGER)
_ERASE = _act("personalData:erase", Noted.FOR_GOOD, Role.MANAGER, nationwide=True)
_CHANGE_THE_COUNTRY = _act(_WRITE_STAFF, Noted.FOR_GOOD, Role.MANAGER, nationwide=True)

RULES: Mapping[str, Rule | None] = {
    "POST /orders": _act(_WRITE_ORDERS, Noted.WHILE_THERE_IS_ROOM, *_CUSTOMERS_OWN),
    "GET /orders/{orderId}": _read(_READ_ORDERS, *_CUSTOMERS_OWN),
    "POST /orders/{orderId}/cancel": _act(_WRITE_ORDERS, Noted.WHILE_THERE_IS_ROOM, *_CUSTOMERS_OWN),
    "POST /orders/{orderId}/reschedule": _act(_WRITE_ORDERS, Noted.WHILE_THERE_IS_ROOM, *_CUSTOMERS_OWN),
    "POST /orders/{orderId}/attention/acknowledge": _act(_WRITE_ORDERS, Noted.WHILE_THERE_IS_ROOM, Role.MANAGER),
    "DELETE /orders/customers/{customerId}/personalData": _ERASE,
    "GET /managementCenters/slots": _read(_READ_STAFF, *_CUSTOMERS_OWN),
    "GET /managementCenters/assignments/{orderId}": _LOOK_AT_STAFF,
    "PUT /managementCenters/assignments/{orderId}": _ASSIGN,
    "GET /managementCenters/serviceAreas": _LOOK_AT_STAFF,
    "POST /managementCenters/serviceAreas": _CHANGE_THE_COUNTRY,
    "GET /managementCenters/serviceAreas/{serviceAreaId}": _LOOK_AT_STAFF,
    "PATCH /managementCenters/serviceAreas/{serviceAreaId}": _CHANGE_THE_COUNTRY,
    "DELETE /managementCenters/serviceAreas/{serviceAreaId}": _CHANGE_THE_COUNTRY,
    "GET /managementCenters/engineers": _LOOK_AT_STAFF,
    "POST /managementCenters/engineers": _CHANGE_STAFF,
    "GET /managementCenters/engineers/{engineerId}": _LOOK_AT_STAFF,
    "PATCH /managementCenters/engineers/{engineerId}": _CHANGE_STAFF,
    "DELETE /managementCenters/engineers/{engineerId}": _CHANGE_STAFF,
    "GET /managementCenters/daysOff": _LOOK_AT_STAFF,
    "POST /managementCenters/daysOff": _CHANGE_STAFF,
    "GET /managementCenters/daysOff/{dayOffId}": _LOOK_AT_STAFF,
    "DELETE /managementCenters/daysOff/{dayOffId}": _CHANGE_STAFF,
    "GET /managementCenters/products": _LOOK_AT_STAFF,
    "POST /managementCenters/products": _CHANGE_THE_COUNTRY,
    "GET /managementCenters/products/{productId}": _LOOK_AT_STAFF,
    "PATCH /managementCenters/products/{productId}": _CHANGE_THE_COUNTRY,
    "DELETE /managementCenters/products/{productId}": _CHANGE_THE_COUNTRY,
    "GET /installations": _read("installations:read", *_ENGINEERS_OWN),
    "GET /installations/{orderId}": _read("installations:read", *_ENGINEERS_OWN),
    "POST /installations/{orderId}/accept": _ACT,
    "POST /installations/{orderId}/decline": _ACT,
    "POST /installations/{orderId}/start": _ACT,
    "POST /installations/{orderId}/complete": _ACT,
    "POST /installations/{orderId}/incomplete": _ACT,
    "GET /orderStatuses": _read("orderStatuses:read", *_CUSTOMERS_OWN),
    "GET /orderStatuses/summary": _read("orderStatuses:read", Role.MANAGER),
    "GET /orderStatuses/events": _read("orderStatuses:read", *_CUSTOMERS_OWN),
    "GET /orderStatuses/{orderId}": _read("orderStatuses:read", *_CUSTOMERS_OWN),
    "GET /audit": _read("audit:read", Role.MANAGER, nationwide=True),
    "POST /codec/{namespace}/decode": _act("codec:decode", Noted.WHILE_THERE_IS_ROOM, Role.MANAGER, nationwide=True),
    "POST /codec/{namespace}/encode": _act("codec:encode", Noted.WHILE_THERE_IS_ROOM, Role.MANAGER, nationwide=True),
    "GET /metrics": _read("metrics:read", Role.OPERATOR),
    "GET /health/live": None,
    "GET /health/ready": None,
}
"""Each route of the API; `None`: everybody. A route of which nothing is said here cannot be served."""
EVERYBODY = Caller()
"""Who sends any request where no tokens are asked for."""
