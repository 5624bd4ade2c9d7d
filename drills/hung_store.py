"""Drill: each store in turn hangs (by SIGSTOP) under load, and the other stores answer as fast as before.

Requests to the store that hangs are refused with 503. No other request may fail, or become slower than in the
previous turn, which is the same except that no store hangs.
"""

import asyncio
import json
import statistics
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter

from domain.common import contexts
from drills.drill import Drill, Options, Row
from drills.people import BODY
from harness import databases, stack
from harness.databases import POSTGRESQL, Server
from harness.http_client import Connection, connections
from harness.siege import Siege, besiege
from harness.stack import Stack
from harness.waiting import soon
from supervisor.process import answers

FAULTS = {"unguarded": "all stores share their turns, and none is left alone"}
PATHS: Mapping[str, Sequence[str]] = {
    contexts.MANAGEMENT_CENTER: ("/managementCenters/engineers?limit=20", "/managementCenters/serviceAreas"),
    contexts.INSTALLATION: ("/installations?limit=20", "/installations?status=REQUESTED&limit=20"),
    contexts.ORDER_STATUS: ("/orderStatuses?limit=20", "/orderStatuses/summary"),
}
"""Paths that read from each store."""
_CLIENTS = 100
_CALLERS = 20
"""Callers of the store that hangs, each every other second: little load, but more than its slots if each waited."""
_CALLS_EVERY = 2.0
_ORDER_EVERY = 1.0
_ORDERS = 20
"""Number of orders at the beginning."""
_MEDIAN_WITHIN, _P95_WITHIN = 1.5, 2.0
"""Factors of the undisturbed turn's values, with tolerance for noise."""
_BACK_WITHIN = 10.0
_WELL = (HTTPStatus.OK, HTTPStatus.CREATED)
_ENCODED = json.dumps(BODY).encode()


@dataclass
class Turn:
    """Measurements of one turn."""

    siege: Siege | None = None
    """Result of siege on the paths of the other stores."""
    seconds: list[float] = field(default_factory=list)
    """Durations of the requests of another client on the same paths."""
    others: Counter[int] = field(default_factory=Counter)
    """Responses to that client, and to a customer who places orders, by status."""
    refused: Counter[int] = field(default_factory=Counter)
    """Responses to the callers of the store that hangs, by status."""
    refused_after: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median duration in milliseconds."""
        return statistics.median(self.seconds) * 1000

    @property
    def p95(self) -> float:
        """95th percentile of the durations in milliseconds."""
        return statistics.quantiles(self.seconds, n=20)[-1] * 1000

    @property
    def mean(self) -> float:
        """Mean duration in siege, in milliseconds."""
        return self.siege.mean_seconds * 1000 if self.siege else 0

    @property
    def failed(self) -> int:
        """Number of failed requests to the other stores."""
        ours = sum(count for status, count in self.others.items() if status not in _WELL)
        return ours + (self.siege.failed if self.siege else 0)

    def row(self) -> Row:
        """Return the row of the table."""
        return {
            "others, requests": self.others.total() + (self.siege.succeeded if self.siege else 0),
            "failed": self.failed,
            "siege's mean ms": self.mean,
            "p50 ms": self.median,
            "p95 ms": self.p95,
            "its own answers": ", ".join(f"{count} x {status}" for status, count in sorted(self.refused.items())),
            "its p50 ms": statistics.median(self.refused_after) * 1000,
        }


async def run(options: Options) -> Drill:
    """Test one store after the other (quick: only one), undisturbed and hung, by default for a minute each."""
    drill = Drill(f"Each store in turn hangs under siege -c{_CLIENTS}")
    tried = [contexts.INSTALLATION] if options.quick else list(PATHS)
    seconds = 4 if options.quick else round(60 * (options.minutes or 1))
    with databases.servers() as servers:
        own = {context: servers.own(POSTGRESQL, context if context in tried else "others") for context in PATHS}
        async with _service(own, guarded=options.plant is None) as running:
            for context in tried:
                before = await _turn(running, context, seconds)
                with own[context].hung():
                    hung = await _turn(running, context, seconds)
                judge(drill, context, before, hung)
                await _back(running, context, drill)
    return drill


def judge(drill: Drill, store: str, before: Turn, hung: Turn) -> None:
    """Check that users of other stores were not affected."""
    for name, turn in (("well", before), ("hung", hung)):
        drill.rows.append({"store": store, "it is": name, **turn.row()})
        drill.check(f"{store} {name}: {turn.failed} requests to the others failed", not turn.failed)
    for what, then, now, limit in (
        ("siege's mean", before.mean, hung.mean, _MEDIAN_WITHIN),
        ("median", before.median, hung.median, _MEDIAN_WITHIN),
        ("95th percentile", before.p95, hung.p95, _P95_WITHIN),
    ):
        times = now / then
        drill.check(f"{store} hung: for the others, the {what} is {times:.2f} times as long", times <= limit)
    drill.check(
        f"{store} hung: {hung.refused[503]} of its own {hung.refused.total()} requests are refused with 503",
        0 < hung.refused[503] == hung.refused.total(),
    )


@asynccontextmanager
async def _service(own: Mapping[str, Server], *, guarded: bool) -> AsyncIterator[Stack]:
    variables = {f"{name.upper().replace('-', '_')}_DATABASE_URL": server.fresh() for name, server in own.items()}
    async with stack.running("temporal", "migration", "worker", environment=variables, engineers=1) as running:
        command = (sys.executable, "-m", "api" if guarded else "drills.unguarded")
        await running.add_program("api", command, lambda: answers(f"{running.url}/health/ready"))
        async with connections(running.api, 1) as [customer]:
            for _ in range(_ORDERS):
                await customer.request("POST", "/orders", _ENCODED)
        yield running


async def _turn(running: Stack, hung: str, seconds: int) -> Turn:
    """Run siege and another client on the other stores' paths, and callers of the store that hangs or will hang."""
    turn = Turn()
    paths = [path for context, of_it in PATHS.items() if context != hung for path in of_it]
    async with connections(running.api, 2 + _CALLERS) as [client, customer, *callers]:
        ends = perf_counter() + seconds
        besieged, *_ = await asyncio.gather(
            besiege(*(f"{running.url}{path}" for path in paths), clients=_CLIENTS, seconds=seconds),
            _ask_others(turn, client, paths, ends),
            _order(turn, customer, ends),
            *(_ask_hung(turn, caller, PATHS[hung][0], ends) for caller in callers),
        )
    turn.siege = besieged
    return turn


async def _ask_others(turn: Turn, client: Connection, paths: Sequence[str], ends: float) -> None:
    while perf_counter() < ends:
        for path in paths:
            began = perf_counter()
            answer = await client.request("GET", path)
            turn.others[answer.status] += 1
            turn.seconds.append(perf_counter() - began)


async def _order(turn: Turn, customer: Connection, ends: float) -> None:
    while perf_counter() < ends:
        answer = await customer.request("POST", "/orders", _ENCODED)
        turn.others[answer.status] += 1
        await asyncio.sleep(_ORDER_EVERY)


async def _ask_hung(turn: Turn, caller: Connection, path: str, ends: float) -> None:
    while perf_counter() < ends:
        began = perf_counter()
        answer = await caller.request("GET", path)
        turn.refused[answer.status] += 1
        turn.refused_after.append(perf_counter() - began)
        await asyncio.sleep(_CALLS_EVERY)


async def _back(running: Stack, context: str, drill: Drill) -> None:
    began = perf_counter()
    await soon(lambda: answers(f"{running.url}{PATHS[context][0]}"), within=_BACK_WITHIN, what=f"{context} answers")
    seconds = perf_counter() - began
    drill.check(f"{context} goes on, and is used again after {seconds:.1f} s", seconds < _BACK_WITHIN)
