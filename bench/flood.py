"""Progress of earlier orders while a flood of new ones comes in.

A backlog is placed while no worker runs. Then the worker starts, and the bench measures how fast the backlog reaches
its engineers: once undisturbed, and once under the flood.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter

from bench import read_model
from bench.orders import ENCODED, ByClient
from bench.report import Aim, Measurement, Row
from harness import stack
from harness.http_client import Connection, connections

_CLIENTS = 200
_BETWEEN_LOOKS = 0.1
_COUNTED = 0.9
"""Share of the backlog that is measured, because the last orders depend on the end of the queue."""
_SHARE, _TAKEN, _ANSWERED = 0.72, 15.0, 3.0
"""The aims: share of the idle rate, `POST`s taken a second, and seconds to the slowest answer."""


@dataclass
class Flood:
    """The answers to the clients of the flood."""

    answers: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds."""


@dataclass
class Progress:
    """Progress of a backlog and of all other orders."""

    seconds: float
    moved_on: int
    others: int

    def row(self, name: str, flood: Flood) -> Row:
        """Return the row of the table."""
        return {
            "while": name,
            "orders of the backlog/s": self.moved_on / self.seconds,
            "all orders/s": (self.moved_on + self.others) / self.seconds,
            "POSTs taken/s": flood.answers[201] / self.seconds,
            "POSTs told to wait/s": flood.answers[503] / self.seconds,
            "slowest answer, s": flood.slowest,
        }


async def measure(*, quick: bool) -> Measurement:
    """Measure the rate at which installations of the backlog are requested."""
    backlog, patience = (40, 10.0) if quick else (200, 30.0)
    found = Measurement(f"Orders already taken, while {_CLIENTS} clients place orders without a pause")
    for name, clients in (("nothing else comes in", 0), ("the flood comes in", _CLIENTS)):
        async with (
            stack.running("temporal", "migration", "api") as running,
            read_model.opened(running.settings) as store,
            connections(running.api, clients) as opened,
        ):
            place = ByClient(running.client).place
            taken = await asyncio.gather(*(place() for _ in range(backlog)))
            await running.start("worker")
            async with _flood(opened) as flood:
                progress = await _watch(read_model.Requests(store), set(taken), patience)
                found.rows.append(progress.row(name, flood))
    idle, flooded = found.rows
    share = float(flooded["orders of the backlog/s"]) / float(idle["orders of the backlog/s"])
    found.aims = [
        Aim("share of the idle rate under the flood", share, _SHARE, at_least=True),
        Aim("POSTs taken a second under the flood", float(flooded["POSTs taken/s"]), _TAKEN, at_least=True),
        Aim("seconds to the slowest answer", float(flooded["slowest answer, s"]), _ANSWERED, at_least=False),
    ]
    return found


async def _watch(requests: read_model.Requests, backlog: set[str], patience: float) -> Progress:
    began, others = perf_counter(), 0
    waiting = set(backlog)
    while len(waiting) > (1 - _COUNTED) * len(backlog) and perf_counter() - began < patience:
        await asyncio.sleep(_BETWEEN_LOOKS)
        for order_id, _ in await requests.look():
            others += order_id not in backlog
            waiting.discard(order_id)
    return Progress(perf_counter() - began, len(backlog) - len(waiting), others)


@asynccontextmanager
async def _flood(clients: Sequence[Connection]) -> AsyncIterator[Flood]:
    flood = Flood()

    async def pour(client: Connection) -> None:
        while True:
            began = perf_counter()
            flood.answers[(await client.request("POST", "/orders", ENCODED)).status] += 1
            flood.slowest = max(flood.slowest, perf_counter() - began)

    pouring = asyncio.gather(*map(pour, clients))
    try:
        yield flood
    finally:
        pouring.cancel()
        with suppress(asyncio.CancelledError):
            await pouring
