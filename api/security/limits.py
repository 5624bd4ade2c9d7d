"""Limits what one client may request from this process. Each process counts for itself; a gateway may count for all.

A client is the subject of a token, in the widest of its roles. Requests without a valid token, or without a role, count
for their address. Clients with a valid token are thus not affected by others at the same address.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic_ns

from fastapi import Request
from starlette.types import Scope

from api.http.errors import TooManyRequests
from api.security.principals import Caller, Role
from runtime import addresses
from runtime.settings import Settings

MOST_CLIENTS = 50_000
"""The largest number of clients whose requests are counted. Beyond it, the client idle for longest is forgotten."""
_SECOND = 10**9
"""Nanoseconds. Whole numbers, because rounding could refuse the last request of a burst."""
_MINUTE = 60 * _SECOND
_LONGEST_ADDRESS = 64
"""Characters. What follows is the zone of an address, or the whole text is none."""
_ANONYMOUS_RATE, _OPEN_ORDERS, _LISTENERS, _CONNECTIONS = 300, 20, 5, 200
"""The defaults with authentication, which distinguishes the clients."""


@dataclass(frozen=True)
class Limits:
    """The limits of one client. 0: no limit."""

    rates: Mapping[Role | None, int]
    """Requests a minute, by role. `None`: requests without a role."""
    open_orders: int = 0
    listeners: int = 0
    connections: int = 0
    """Connections from one address."""


def limits_of(settings: Settings) -> Limits:
    """Return the limits of the settings. Without authentication, the defaults are 0: an address may be many clients."""

    def limit(configured: int | None, default: int) -> int:
        return configured if configured is not None else default if settings.requires_authentication else 0

    rates = {
        Role.CUSTOMER: settings.rate_limit_customer,
        Role.ENGINEER: settings.rate_limit_engineer,
        Role.MANAGER: settings.rate_limit_manager,
        Role.SERVICE: settings.rate_limit_service,
        Role.TRACKER: settings.rate_limit_customer,
        Role.OPERATOR: settings.rate_limit_operator,
        None: limit(settings.rate_limit_anonymous, _ANONYMOUS_RATE),
    }
    return Limits(
        rates,
        open_orders=limit(settings.max_open_orders_per_customer, _OPEN_ORDERS),
        listeners=limit(settings.max_listeners_per_client, _LISTENERS),
        connections=limit(settings.max_connections_per_address, _CONNECTIONS),
    )


class Rates:
    """Limits request rates: a burst of one minute's requests, then an even rate (generic cell rate algorithm)."""

    def __init__(self, per_minute: Mapping[Role | None, int], now: Callable[[], int] = monotonic_ns) -> None:
        self._per_minute = per_minute
        self._now = now
        self._paid_until: OrderedDict[tuple[Role | None, str], int] = OrderedDict()
        """By recent client: the time at which all of its requests are compensated by the even rate."""

    def take(self, role: Role | None, client: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: the request exceeds the limit, and is not counted.
        """
        if not (per_minute := self._per_minute[role]):
            return
        now, key = self._now(), (role, client)
        paid_until = max(self._paid_until.get(key, now), now) + _MINUTE // per_minute
        if (excess := paid_until - now - _MINUTE) > 0:
            raise TooManyRequests("too many requests at once", retry_after=math.ceil(excess / _SECOND))
        self._paid_until[key] = paid_until
        self._paid_until.move_to_end(key)
        if len(self._paid_until) > MOST_CLIENTS:
            self._paid_until.popitem(last=False)

    def give_back(self, role: Role | None, client: str) -> None:
        """Take back the count of a request, which turned out to be another client's."""
        key = (role, client)
        if key in self._paid_until:
            self._paid_until[key] -= _MINUTE // self._per_minute[role]


def client_of(caller: Caller, request: Request) -> str:
    """Return the client of a request: by token, or without one by address."""
    return caller.actor or site_of(request.scope)


def address_of(scope: Scope) -> str:
    """Return the address from which a request comes, as the server or a trusted proxy reports it."""
    return addresses.normalized(_host(scope))


def site_of(scope: Scope) -> str:
    """Return the address of a request's subscriber. Of an IPv6 address, this is the prefix."""
    return addresses.subscriber(_host(scope))


def _host(scope: Scope) -> str:
    host, _ = scope.get("client") or ("", 0)
    return str(host)[:_LONGEST_ADDRESS]
