"""The API's deadlines in tests. A busy machine is not an outage, so in tests they are long for running services.

For services that a test has stopped, the deadlines are those of production: by the fixture `impatient` (for servers
that never answer), or by `Service.work` and `rest` (for workers that do not run).
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from activities.order_status import erasure
from api import resources
from api.event_delivery import ping as pings
from api.orders import canceling, open_orders, starting, updates
from api.orders import client as subscriptions
from api.orders import erasure as erasures
from api.orders import lookup as known_orders
from api.security import jwks
from domain.common import contexts
from harness.waiting import PATIENCE
from observability import health, queue_gauges
from runtime import order_workflows, temporal_client

Deadlines = Sequence[tuple[Any, str]]
"""The modules and names of the constants with a deadline."""
SERVERS: Deadlines = (
    (resources, "_DATABASE_WITHIN"),
    (resources, "_REGISTER_WITHIN"),
    (canceling, "LOOKUP_GRACE"),
    (canceling, "SIGNAL_GRACE"),
    (canceling, "SIGNAL_WITHIN"),
    (erasure, "_WITHIN"),
    (erasures, "START_WITHIN"),
    (pings, "START_WITHIN"),
    (known_orders, "ANSWER_WITHIN"),
    (known_orders, "LOOK_WITHIN"),
    (open_orders, "COUNT_WITHIN"),
    (health, "_CHECK_WITHIN"),
    (jwks, "FETCH_WITHIN"),
    (order_workflows, "_WITHIN"),
    (queue_gauges, "_WITHIN"),
    (starting, "ANSWER_WITHIN"),
    (starting, "START_WITHIN"),
    (starting, "TURN_WITHIN"),
    (subscriptions, "LOOK_WITHIN"),
    (temporal_client, "_CALL_WITHIN"),
    (temporal_client, "_PROBE_WITHIN"),
)
"""Deadlines for databases, Temporal and the issuer of tokens."""
ORDERS: Deadlines = (
    (known_orders, "TELL_WITHIN"),
    (order_workflows, "_TELL_WITHIN"),
    (canceling, "TELL_WITHIN"),
)
"""Deadlines for the orders' worker alone."""
WORKERS: Deadlines = (
    (canceling, "CANCEL_WITHIN"),
    (pings, "PING_WITHIN"),
    (updates, "CARRY_OUT_WITHIN"),
)
"""Deadlines that need the workers of all contexts."""
ALL: Deadlines = (*SERVERS, *ORDERS, *WORKERS)
_PRODUCTION = {(module, name): getattr(module, name) for module, name in ALL}
_TOLD_WITHIN = 15.0
"""Seconds. A query is sometimes lost, and is repeated after a part of this time."""


def wait_long(deadlines: Deadlines) -> None:
    """Use long deadlines for these."""
    for module, name in deadlines:
        setattr(module, name, _long(module, name))


def wait_as_in_production(deadlines: Deadlines) -> None:
    """Use the deadlines of production for these."""
    for module, name in deadlines:
        setattr(module, name, _PRODUCTION[module, name])


def wait_for_workers(served: Collection[str]) -> None:
    """Use long deadlines for the running workers of these contexts, and those of production for the others."""
    (wait_long if contexts.ORDERS in served else wait_as_in_production)(ORDERS)
    (wait_long if set(contexts.ALL).issubset(served) else wait_as_in_production)(WORKERS)


def _long(module: Any, name: str) -> float | timedelta:
    seconds = _TOLD_WITHIN if "TELL" in name else PATIENCE
    return timedelta(seconds=seconds) if isinstance(_PRODUCTION[module, name], timedelta) else seconds
