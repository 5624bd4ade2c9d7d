"""Cost of security: the API with tokens, compared with an API without security features, in turns.

Both use the same stores and the same Temporal server. One requires tokens, counts each client's requests and open
orders, encrypts what it writes to Temporal, and audits acts. The other, `open_api`, does none of this. Every order
comes from a new customer, with a token that has to be verified. The last rows compare the costliest wrong requests with
valid ones.
"""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from itertools import cycle

from api.security.principals import Role
from bench import read_model, wrong_input
from bench.orders import BODY, OverHttp
from bench.report import Aim, Measurement
from bench.turns import Side, compare, share
from harness import stack
from harness.http_client import connections
from runtime import development_issuer
from supervisor.process import answers

_MANY = "10000000"
"""Requests a minute: each one is counted, and none is refused."""
_AT_ONCE = {
    "POST /orders": 50,
    "/orderStatuses, a page of 50": 8,
    "/orderStatuses/{orderId}, a manager": 8,
    "/orderStatuses/{orderId}, its customer": 8,
}
_ORDERS = 1000
"""Number of orders in the view at the beginning."""
_AIM = 0.85

Act = Callable[[], Awaitable[object]]
TokenOf = Callable[[Role, str], str | None]


async def measure(*, quick: bool) -> Measurement:
    """Measure throughput, latency and CPU time of both, for each kind of request."""
    blocks, seconds, warm, customers = (2, 0.5, 0.2, 1_000) if quick else (6, 2.5, 1.0, 10_000)
    found = Measurement("What security costs: tokens, limits, encryption and audit")
    most = max(_AT_ONCE.values())
    async with stack.running("temporal", "migration") as running, read_model.opened(running.settings) as store:
        ids = await read_model.fill(store, _ORDERS)
        ready = partial(answers, f"{running.url}/health/ready")
        await running.add_program("open", (sys.executable, "-m", "bench.open_api"), ready)
        guarded = await running.add_api(
            "api-guarded",
            AUTH_REQUIRED="1",
            RATE_LIMIT_CUSTOMER=_MANY,
            RATE_LIMIT_MANAGER=_MANY,
            RATE_LIMIT_SERVICE=_MANY,
        )
        issued = partial(_token, running)
        async with connections(running.api, most) as without, connections(guarded, most) as with_tokens:
            off = _acts(OverHttp(list(without)), ids, customers, lambda *_: None)
            on = _acts(OverHttp(list(with_tokens)), ids, customers, issued)
            for kind, at_once in _AT_ONCE.items():
                sides = Side(f"{kind}, off", off[kind], "open"), Side(f"{kind}, on", on[kind])
                await compare(running, sides, at_once, blocks=blocks, seconds=seconds, warm=warm)
                found.rows += [side.row(at_once, "requests/s") for side in sides]
                found.aims.append(Aim(f"{kind}: share of the throughput", share(*reversed(sides)), _AIM, at_least=True))
            await wrong_input.measure(running, with_tokens[0], found, blocks=blocks, seconds=seconds)
    return found


def _token(running: stack.Stack, role: Role, subject: str) -> str:
    return development_issuer.token(running.settings.data_dir, {"sub": subject, "roles": [role.value]}, hours=1)


def _acts(http: OverHttp, ids: Sequence[str], customers: int, token_of: TokenOf) -> Mapping[str, Act]:
    """Return the requests to one of the two APIs, by the names of the kinds."""
    names = map("customer-{}".format, range(customers))
    # Made in advance, because signing takes time.
    orders = cycle([(_body(name), token_of(Role.CUSTOMER, name)) for name in names])
    known = cycle(ids)
    manager, owner = token_of(Role.MANAGER, "manager-1"), token_of(Role.CUSTOMER, BODY["customerId"])

    async def place() -> None:
        body, token = next(orders)
        await http.send("POST", "/orders", body, token=token, expected=201)

    async def page() -> None:
        await http.send("GET", "/orderStatuses?limit=50", token=manager)

    async def one(token: str | None) -> None:
        await http.send("GET", f"/orderStatuses/{next(known)}", token=token)

    return dict(zip(_AT_ONCE, (place, page, partial(one, manager), partial(one, owner)), strict=True))


def _body(customer: str) -> bytes:
    return json.dumps(BODY | {"customerId": customer}, ensure_ascii=False).encode()
