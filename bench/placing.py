"""`POST /orders` against bare `start_workflow` with the same input, in turns, while no worker runs."""

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bench import machine
from bench.orders import ByClient, OverHttp
from bench.report import Aim, Measurement, Row, milliseconds
from harness import stack
from harness.http_client import connections

_CONCURRENCIES = (1, 50)


@dataclass
class Side:
    """One of the two that are compared, at one concurrency."""

    name: str
    place: Callable[[], Awaitable[str]]
    took: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    async def block(self, running: stack.Stack, concurrency: int, seconds: float) -> None:
        """Place orders for some seconds."""
        pids = {"temporal": running.pids("temporal"), "api": running.pids("api"), "client": [os.getpid()]}
        before = {kind: machine.cpu_seconds(each) for kind, each in pids.items()}
        began, first = perf_counter(), len(self.took)
        async with asyncio.TaskGroup() as loops:
            for _ in range(concurrency):
                loops.create_task(self._loop(began + seconds))
        self.rates.append((len(self.took) - first) / (perf_counter() - began))
        for kind, each in pids.items():
            self.cpu[kind] = self.cpu.get(kind, 0) + machine.cpu_seconds(each) - before[kind]

    async def _loop(self, until: float) -> None:
        while (began := perf_counter()) < until:
            await self.place()
            self.took.append(perf_counter() - began)

    def row(self, concurrency: int) -> Row:
        """What it took."""
        cpu = {f"{kind} CPU ms": 1000 * used / len(self.took) for kind, used in self.cpu.items()}
        rate = statistics.median(self.rates)
        return {"what": f"{self.name}, {concurrency} at once", "orders/s": rate, **milliseconds(self.took), **cpu}


async def measure(*, quick: bool) -> Measurement:
    """Throughput, latency and CPU of both."""
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
            for number in range(blocks):
                # Whoever comes second meets what the first has left to do: they take turns.
                for side in sides if number % 2 else reversed(sides):
                    await side.block(running, concurrency, seconds)
            found.rows += [side.row(concurrency) for side in sides]
            found.aims.append(_aim(concurrency, *sides))
    return found


async def _warm_up(*ways: Callable[[], Awaitable[str]]) -> None:
    for place in ways:
        await asyncio.gather(*(place() for _ in range(max(_CONCURRENCIES))))


def _aim(concurrency: int, bare: Side, ours: Side) -> Aim:
    if concurrency == 1:
        more = statistics.median(ours.took) - statistics.median(bare.took)
        return Aim("1 at once: more at the median, ms", more * 1000, 3)
    ratio = _ratio(ours.rates, bare.rates)
    return Aim(f"{concurrency} at once: share of the throughput", ratio, 0.9, at_least=True)


def _ratio(ours: Sequence[float], bare: Sequence[float]) -> float:
    """The median over pairs of neighbours: what slows the machine for a while slows both."""
    return statistics.median(a / b for a, b in zip(ours, bare, strict=True))
