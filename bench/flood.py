"""Progress of earlier orders while a flood of new ones comes in.

A backlog is placed while no worker runs. Then the worker starts, and the bench measures how fast the backlog reaches
its engineers: once undisturbed, and once under the flood.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
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


@dataclass
class Progress:
    """Progress of a backlog and of all other orders."""

    seconds: float
    moved_on: int
    others: int

    def row(self, name: str, answers: Counter[int]) -> Row:
        """Return the row of the table."""
        return {
            "while": name,
            "orders of the backlog/s": self.moved_on / self.seconds,
            "all orders/s": (self.moved_on + self.others) / self.seconds,
            "POSTs taken/s": answers[201] / self.seconds,
            "POSTs told to wait/s": answers[503] / self.seconds,
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
            async with _flood(opened) as answers:
                progress = await _watch(read_model.Requests(store), set(taken), patience)
                found.rows.append(progress.row(name, answers))
    idle, flooded = (float(row["orders of the backlog/s"]) for row in found.rows)
    found.aims.append(Aim("share of the idle rate under the flood", flooded / idle, 0.5, at_least=True))
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
async def _flood(clients: Sequence[Connection]) -> AsyncIterator[Counter[int]]:
    answers: Counter[int] = Counter()

    async def pour(client: Connection) -> None:
        while True:
            answers[(await client.request("POST", "/orders", ENCODED)).status] += 1

    pouring = asyncio.gather(*map(pour, clients))
    try:
        yield answers
    finally:
        pouring.cancel()
        with suppress(asyncio.CancelledError):
            await pouring
