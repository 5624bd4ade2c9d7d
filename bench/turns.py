"""Comparison of two sides in one run. They take turns, so that what slows the machine slows both."""

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from bench import machine
from bench.report import Row, milliseconds
from harness.stack import Stack


@dataclass
class Side:
    """One of the two sides."""

    name: str
    act: Callable[[], Awaitable[object]]
    served_by: str = "api"
    """Kind of the processes whose CPU time counts as the API's."""
    took: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)

    async def block(self, running: Stack, concurrency: int, seconds: float, warm: float) -> None:
        """Act for some seconds. A warm-up before that is not counted: the other side's remaining work ends in it."""
        pids = {"temporal": running.pids("temporal"), "api": running.pids(self.served_by), "client": [os.getpid()]}
        first, until = len(self.took), perf_counter() + warm + seconds
        async with asyncio.TaskGroup() as loops:
            for _ in range(concurrency):
                loops.create_task(self._loop(until))
            await asyncio.sleep(warm)
            del self.took[first:]
            before, began = {kind: machine.cpu_seconds(each) for kind, each in pids.items()}, perf_counter()
        self.rates.append((len(self.took) - first) / (perf_counter() - began))
        for kind, each in pids.items():
            self.cpu[kind] = self.cpu.get(kind, 0) + machine.cpu_seconds(each) - before[kind]

    async def _loop(self, until: float) -> None:
        while (began := perf_counter()) < until:
            await self.act()
            self.took.append(perf_counter() - began)

    def row(self, concurrency: int, rate: str) -> Row:
        """Return the row of the table. `rate` is the name of the column of the rate."""
        cpu = {f"{kind} CPU ms": 1000 * used / len(self.took) for kind, used in self.cpu.items()}
        what = f"{self.name}, {concurrency} at once"
        return {"what": what, rate: statistics.median(self.rates), **milliseconds(self.took), **cpu}


async def compare(
    running: Stack, sides: Sequence[Side], concurrency: int, *, blocks: int, seconds: float, warm: float = 0
) -> None:
    """Measure some blocks of each side."""
    for number in range(blocks):
        # The second side runs while the first one's remaining work is done, so they take turns in being first.
        for side in sides if number % 2 else reversed(sides):
            await side.block(running, concurrency, seconds, warm)


def share(ours: Side, bare: Side) -> float:
    """Return the share of the throughput: the median over neighboring pairs, which a slow machine affects equally."""
    return statistics.median(a / b for a, b in zip(ours.rates, bare.rates, strict=True))
