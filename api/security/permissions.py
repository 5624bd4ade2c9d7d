"""The permissions: which roles and scopes may use which route. No other module defines them.

What a role may see is the same on every route. `api/ownership.py` checks it before the route runs:

- a customer: the orders whose `customerId` is the token's subject;
- an engineer: the orders whose installation is or was requested from the token's subject, until the engineer retires;
- a manager: what belongs to the regions of the token; with all regions (`*`), everything;
- a tracker: the order whose id is the token's subject;
- a service: everything on the routes whose scope its token contains, but of the subscriptions to events its own alone;
- an operator: no order.

`EVERYBODY`, who shows no token where none is required, sees everything.

A token with scopes of this API may do only what these scopes allow, whatever its role.

A resource that the caller may not see is answered with `404`, an action that the role may not do with `403`. The
members of an answer that a role sees are in `api/security/views.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from api.http.errors import Forbidden
from api.security.principals import Caller, Identity, Role


class Noted(Enum):
    """Which requests of a route the audit trail records. A route that changes something has one of the first two."""

    ALWAYS = auto()
    """Every request that changes something. Without room for its entry, it is refused before it changes anything."""
    BEST_EFFORT = auto()
    """Requests while there is room: changes of orders, whose history names actor and time, and codec requests."""
    REFUSALS = auto()
    """Only requests that are refused because of their sender: the route only reads."""


@dataclass(frozen=True)
class Rule:
    """Who may use a route, and what the audit trail records of it."""

    scope: str | None
    """The scope that a service's token has to contain. `None`: every good token may use the route, whatever it says."""
    roles: frozenset[Role]
    """The roles that may use the route, beside services."""
    nationwide: bool = False
    """Whether the route concerns the whole country, and is not for managers who are limited to regions."""
    noted: Noted = Noted.REFUSALS
    """Which of its requests the audit trail records."""

    def __str__(self) -> str:
        if self.scope is None:
            return "For everybody with a good token."
        limits = "; not for managers who are limited to regions" if self.nationwide else ""
        return f"For: {', '.join(sorted(self.roles))}{limits}; or a service with the scope `{self.scope}`."

    def admit(self, identity: Identity) -> Caller:
        """Return the caller in the role that allows the request. Of several roles, the widest one counts.

        Scopes of this API bound every role. A service needs them; another role without any is decided by the role.

        Raises:
            Forbidden: no role allows the request.
        """
        if self.scope is None:
            return Caller(identity.role, identity.subject, frozenset(), identity.accepted_until)
        limited = identity.regions is not None
        scoped = not SCOPES.isdisjoint(identity.scopes)
        lacking = None
        for role in Role:
            if role not in identity.roles or role not in self.roles | {Role.SERVICE}:
                continue
            if (scoped or role is Role.SERVICE) and self.scope not in identity.scopes:
                lacking = self.scope
                continue
            if role is Role.MANAGER and limited and (self.nationwide or not identity.regions):
                continue
            regions = identity.regions if role is Role.MANAGER else None
            return Caller(role, identity.subject, regions, identity.accepted_until)
        raise Forbidden("your role does not allow this", scope=lacking)


def _read(scope: str, *roles: Role, nationwide: bool = False) -> Rule:
    return Rule(scope, frozenset(roles), nationwide)


def _act(scope: str, noted: Noted, *roles: Role, nationwide: bool = False) -> Rule:
    return Rule(scope, frozenset(roles), nationwide, noted)


_READ_ORDERS, _WRITE_ORDERS = "orders:read", "orders:write"
_READ_STAFF, _WRITE_STAFF = "managementCenters:read", "managementCenters:write"
_ENGINEERS_OWN = Role.ENGINEER, Role.MANAGER
_CUSTOMERS_OWN = Role.CUSTOMER, Role.MANAGER
_TRACKED = Role.CUSTOMER, Role.TRACKER, Role.MANAGER
_ACT = _act("installations:write", Noted.BEST_EFFORT, *_ENGINEERS_OWN)
_LOOK_AT_STAFF = _read(_READ_STAFF, Role.MANAGER)
_ASSIGN = _act(_WRITE_STAFF, Noted.BEST_EFFORT, Role.MANAGER)
_CHANGE_STAFF = _act(_WRITE_STAFF, Noted.ALWAYS, Role.MANAGER)
_ERASE = _act("personalData:erase", Noted.ALWAYS, Role.MANAGER, nationwide=True)
_SUBSCRIBE = _act("events:subscribe", Noted.ALWAYS, Role.MANAGER)
_LOOK_AT_SUBSCRIPTIONS = _read("events:subscribe", Role.MANAGER)
_CHANGE_THE_COUNTRY = _act(_WRITE_STAFF, Noted.ALWAYS, Role.MANAGER, nationwide=True)

RULES: Mapping[str, Rule | None] = {
    "POST /orders": _act(_WRITE_ORDERS, Noted.BEST_EFFORT, *_CUSTOMERS_OWN),
    "GET /orders/{orderId}": _read(_READ_ORDERS, *_TRACKED),
    "GET /orders/{orderId}/slots": _read(_READ_ORDERS, *_TRACKED),
    "POST /orders/{orderId}/cancel": _act(_WRITE_ORDERS, Noted.BEST_EFFORT, *_TRACKED),
    "POST /orders/{orderId}/reschedule": _act(_WRITE_ORDERS, Noted.BEST_EFFORT, *_TRACKED),
    "POST /orders/{orderId}/trackingTokens": _act(_WRITE_ORDERS, Noted.ALWAYS, *_CUSTOMERS_OWN),
    "POST /orders/{orderId}/attention/acknowledge": _act(_WRITE_ORDERS, Noted.BEST_EFFORT, Role.MANAGER),
    "DELETE /orders/customers/{customerId}/personalData": _ERASE,
    "GET /managementCenters/slots": _read(_READ_STAFF, *_CUSTOMERS_OWN),
    "POST /managementCenters/slots": _read(_READ_STAFF, *_CUSTOMERS_OWN),
    "GET /managementCenters/assignments/{orderId}": _LOOK_AT_STAFF,
    "PUT /managementCenters/assignments/{orderId}": _ASSIGN,
    "GET /managementCenters/assignments/{orderId}/candidates": _LOOK_AT_STAFF,
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
    "GET /managementCenters/extraShifts": _LOOK_AT_STAFF,
    "POST /managementCenters/extraShifts": _CHANGE_STAFF,
    "GET /managementCenters/extraShifts/{extraShiftId}": _LOOK_AT_STAFF,
    "DELETE /managementCenters/extraShifts/{extraShiftId}": _CHANGE_STAFF,
    "GET /managementCenters/holidays": _LOOK_AT_STAFF,
    "GET /managementCenters/products": _read(_READ_STAFF, *_CUSTOMERS_OWN),
    "POST /managementCenters/products": _CHANGE_THE_COUNTRY,
    "GET /managementCenters/products/{productId}": _read(_READ_STAFF, *_CUSTOMERS_OWN),
    "PATCH /managementCenters/products/{productId}": _CHANGE_THE_COUNTRY,
    "DELETE /managementCenters/products/{productId}": _CHANGE_THE_COUNTRY,
    "GET /installations": _read("installations:read", *_ENGINEERS_OWN),
    "GET /installations/{orderId}": _read("installations:read", *_ENGINEERS_OWN),
    "GET /installations/{orderId}/failedVisits": _read("installations:read", *_ENGINEERS_OWN),
    "POST /installations/{orderId}/accept": _ACT,
    "POST /installations/{orderId}/decline": _ACT,
    "POST /installations/{orderId}/start": _ACT,
    "POST /installations/{orderId}/complete": _ACT,
    "POST /installations/{orderId}/incomplete": _ACT,
    "GET /orderStatuses": _read("orderStatuses:read", *_CUSTOMERS_OWN),
    "POST /orderStatuses/search": _read("orderStatuses:read", Role.MANAGER),
    "GET /orderStatuses/summary": _read("orderStatuses:read", Role.MANAGER),
    "GET /orderStatuses/statistics": _read("orderStatuses:read", Role.MANAGER),
    "GET /orderStatuses/events": _read("orderStatuses:read", *_CUSTOMERS_OWN, Role.ENGINEER),
    "GET /orderStatuses/{orderId}": _read("orderStatuses:read", *_CUSTOMERS_OWN),
    "GET /events": _read("events:read", Role.MANAGER),
    "GET /eventSubscriptions": _LOOK_AT_SUBSCRIPTIONS,
    "POST /eventSubscriptions": _SUBSCRIBE,
    "GET /eventSubscriptions/{eventSubscriptionId}": _LOOK_AT_SUBSCRIPTIONS,
    "PATCH /eventSubscriptions/{eventSubscriptionId}": _SUBSCRIBE,
    "DELETE /eventSubscriptions/{eventSubscriptionId}": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/secrets": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/ping": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/pause": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/resume": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/replay": _SUBSCRIBE,
    "GET /eventSubscriptions/{eventSubscriptionId}/held": _LOOK_AT_SUBSCRIPTIONS,
    "POST /eventSubscriptions/{eventSubscriptionId}/held/{orderId}/retry": _SUBSCRIBE,
    "POST /eventSubscriptions/{eventSubscriptionId}/held/{orderId}/skip": _SUBSCRIBE,
    "GET /eventSubscriptions/{eventSubscriptionId}/attempts": _LOOK_AT_SUBSCRIPTIONS,
    "GET /audit": _read("audit:read", Role.MANAGER, nationwide=True),
    "GET /accessLog": _read("audit:read", Role.MANAGER, nationwide=True),
    "POST /codec/{namespace}/decode": _act("codec:decode", Noted.BEST_EFFORT, Role.MANAGER, nationwide=True),
    "POST /codec/{namespace}/encode": _act("codec:encode", Noted.BEST_EFFORT, Role.MANAGER, nationwide=True),
    "GET /whoami": Rule(None, frozenset(Role)),
    "GET /metrics": _read("metrics:read", Role.OPERATOR),
    "GET /health/live": None,
    "GET /health/ready": None,
}
"""The rule of each route of the API. `None`: everybody may use it. A route that is missing here cannot be served."""
SCOPES = frozenset(rule.scope for rule in RULES.values() if rule and rule.scope)
"""The scopes of this API. A token may contain others, which mean nothing here."""
EVERYBODY = Caller()
"""The sender of a request that shows no token, where none is required."""
