"""`POST /orders`, compared with bare `start_workflow` with the same input, in turns, while no worker runs."""

import asyncio
import statistics
from collections.abc import Awaitable, Callable

from bench.orders import ByClient, OverHttp
from bench.report import Aim, Measurement
from bench.turns import Side, compare, share
from harness import stack
from harness.http_client import connections

_CONCURRENCIES = (1, 50)


async def measure(*, quick: bool) -> Measurement:
    """Measure throughput, latency and CPU time of both."""
    blocks, seconds = (2, 1.0) if quick else (6, 2.5)
    found = Measurement("Taking an order: `POST /orders` against bare `start_workflow`")
    async with (
        stack.running("temporal", "migration", "api") as running,
        connections(running.api, max(_CONCURRENCIES)) as opened,
    ):
        bare, ours = ByClient(running.client), OverHttp(list(opened))
        await _warm_up(bare.place, ours.place)
        for concurrency in _CONCURRENCIES:
            sides = (Side("start_workflow", bare.place), Side("POST /orders", ours.place))
            await compare(running, sides, concurrency, blocks=blocks, seconds=seconds)
            found.rows += [side.row(concurrency, "orders/s") for side in sides]
            found.aims.append(_aim(concurrency, *sides))
    return found


async def _warm_up(*ways: Callable[[], Awaitable[str]]) -> None:
    for place in ways:
        await asyncio.gather(*(place() for _ in range(max(_CONCURRENCIES))))


def _aim(concurrency: int, bare: Side, ours: Side) -> Aim:
    if concurrency == 1:
        more = statistics.median(ours.took) - statistics.median(bare.took)
        return Aim("1 at once: more at the median, ms", more * 1000, 3)
    return Aim(f"{concurrency} at once: share of the throughput", share(ours, bare), 0.9, at_least=True)
