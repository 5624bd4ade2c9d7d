"""How much one client may ask of this process. Each process counts for itself; what guards the edge may count for all.

A client is the subject of a token, in the role that it acts in. Requests that show no good token, or are not allowed,
count for the address that they come from: whoever shows a good one is not kept out by others of the same address.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic

from fastapi import Request

from api.http.errors import TooManyRequests
from api.security.principals import Caller, Role
from runtime.settings import Settings

MOST_CLIENTS = 50_000
"""Of whom it is remembered how much they have asked for; beyond that, who has been silent longest is forgotten."""
_MINUTE = 60.0
_BITS_OF_A_SITE = 64
"""Of an IPv6 address, so many are one subscriber's; the others they choose as they like."""
_REFUSED, _OPEN_ORDERS, _LISTENERS = 300, 20, 5
"""What holds where tokens tell the clients apart and nothing else is set."""


@dataclass(frozen=True)
class Limits:
    """Of one client; 0 is no limit."""

    rates: Mapping[Role | None, int]
    """Requests a minute, by role; of `None`, those that come without a role."""
    open_orders: int = 0
    listeners: int = 0


def limits_of(settings: Settings) -> Limits:
    """What the settings say; where they say nothing and no tokens are asked for, one address may be many clients."""

    def chosen(given: int | None, otherwise: int) -> int:
        return given if given is not None else otherwise if settings.requires_authentication else 0

    rates = {
        Role.CUSTOMER: settings.rate_limit_customer,
        Role.ENGINEER: settings.rate_limit_engineer,
        Role.MANAGER: settings.rate_limit_manager,
        Role.SERVICE: settings.rate_limit_service,
        Role.OPERATOR: settings.rate_limit_operator,
        None: chosen(settings.rate_limit_anonymous, _REFUSED),
    }
    return Limits(
        rates,
        open_orders=chosen(settings.max_open_orders_per_customer, _OPEN_ORDERS),
        listeners=chosen(settings.max_listeners_per_client, _LISTENERS),
    )


class Rates:
    """Counts requests: as many at once as a minute's worth, then evenly (the generic cell rate algorithm)."""

    def __init__(self, per_minute: Mapping[Role | None, int], now: Callable[[], float] = monotonic) -> None:
        self._per_minute = per_minute
        self._now = now
        self._paid_until: OrderedDict[tuple[Role | None, str], float] = OrderedDict()
        """To each client that has asked lately: when all that it has asked for is made up for."""

    def take(self, role: Role | None, client: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: it is one too many, and does not count.
        """
        if not (per_minute := self._per_minute[role]):
            return
        now, key = self._now(), (role, client)
        paid_until = max(self._paid_until.get(key, now), now) + _MINUTE / per_minute
        if (excess := paid_until - now - _MINUTE) > 0:
            raise TooManyRequests("too many requests at once", retry_after=math.ceil(excess))
        self._paid_until[key] = paid_until
        self._paid_until.move_to_end(key)
        if len(self._paid_until) > MOST_CLIENTS:
            self._paid_until.popitem(last=False)


def client_of(caller: Caller, request: Request) -> str:
    """Who counts as one: somebody by their token, anybody else by their address."""
    return caller.actor or site_of(request)


def address_of(request: Request) -> str:
    """Where a request comes from, as the server, or a proxy that is trusted, knows it."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)


def site_of(request: Request) -> str:
    """Whose address a request comes from: of an IPv6 address, the part that one subscriber is given."""
    address = address_of(request)
    if ":" not in address:
        return address
    return str(IPv6Address(int(IPv6Address(address)) >> _BITS_OF_A_SITE << _BITS_OF_A_SITE))
