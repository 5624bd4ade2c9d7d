"""Load: a constant number of orders in motion, each from its placing to the end of its workflow."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

from temporalio.client import Client

from bench import machine
from bench.orders import Way
from bench.report import Row
from domain.orders import workflow_id
from harness.stack import Stack
from harness.waiting import PATIENCE

_BETWEEN_LOOKS = 0.1

Look = Callable[[], Awaitable[Iterable[tuple[str, str]]]]
"""Returns the orders whose installation was requested since the last look, and their engineers."""


class RequestFeed:
    """Tells when an order can be accepted, and by which engineer."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._engineers: defaultdict[str, asyncio.Future[str]] = defaultdict(
            lambda: asyncio.get_running_loop().create_future()
        )

    async def requested(self, order_id: str) -> str:
        """Wait until the installation is requested, and return the engineer."""
        return await self._engineers[order_id]

    async def run(self) -> None:
        """Look for requests until canceled."""
        while True:
            for order_id, engineer_id in await self._look():
                if not self._engineers[order_id].done():
                    self._engineers[order_id].set_result(engineer_id)
            await asyncio.sleep(_BETWEEN_LOOKS)


@dataclass
class Window:
    """Measurements of a span of time under load, from the end of one order to the end of another."""

    seconds: float
    orders: Sequence[str]
    """Orders that ended in it."""
    cpu: Mapping[str, float]
    """CPU seconds that each kind of process has used in it."""

    @property
    def rate(self) -> float:
        """Orders per second."""
        return len(self.orders) / self.seconds

    def cpu_of_one(self, kind: str) -> float:
        """Return the CPU seconds that a kind of process has used for an order."""
        return self.cpu[kind] / len(self.orders)

    def per_order(self, cpu: Mapping[str, float]) -> Row:
        """Return the CPU time for each order, for the table."""
        return {f"{kind} CPU ms": 1000 * used / len(self.orders) for kind, used in cpu.items()}


def joined(windows: Sequence[Window]) -> Window:
    """Join windows into one."""
    return Window(
        sum(window.seconds for window in windows),
        [order_id for window in windows for order_id in window.orders],
        {kind: sum(window.cpu[kind] for window in windows) for kind in windows[0].cpu},
    )


@dataclass
class Load:
    """Closed loop: when an order has ended, the next one is placed."""

    client: Client
    way: Way
    feed: RequestFeed
    in_motion: int
    _ended: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _placing: bool = True

    async def window(self, stack: Stack, kinds: Iterable[str], *, waves: int) -> Window:
        """Measure while some waves of orders end, and complete every order. A wave is as many as are in motion.

        The first wave is not measured: its orders begin together, and none ends until one has taken its whole time.
        That is the longer the slower the machine is, and says nothing of the rate.

        Raises:
            ExceptionGroup: an act has failed, or no order has ended for `PATIENCE`.
        """
        pids = {kind: stack.pids(kind) for kind in kinds} | {"client": [os.getpid()]}
        async with asyncio.TaskGroup() as loops:
            feeding = loops.create_task(self.feed.run())
            carrying = [loops.create_task(self._loop()) for _ in range(self.in_motion)]
            await self._next(self.in_motion)
            began = perf_counter()
            before = {kind: machine.cpu_seconds(each) for kind, each in pids.items()}
            ended = await self._next(waves * self.in_motion)
            took = perf_counter() - began
            used = {kind: machine.cpu_seconds(each) - before[kind] for kind, each in pids.items()}
            self._placing = False
            await asyncio.wait(carrying)
            feeding.cancel()
        return Window(took, ended, used)

    async def carry_through_many(self, count: int, *, rest: float = 0) -> Sequence[str]:
        """Complete a number of orders, with a pause before each act of the engineer. Returns their ids."""
        feeding = asyncio.create_task(self.feed.run())
        left = iter(range(count))

        async def loop() -> list[str]:
            return [await self.carry_through(rest=rest) for _ in left]

        loops = await asyncio.gather(*(loop() for _ in range(self.in_motion)))
        await _end(feeding)
        return [order_id for carried in loops for order_id in carried]

    async def carry_through(self, *, rest: float = 0) -> str:
        """Complete one order, with a pause before each act of the engineer. Returns its id."""
        order_id = await self.way.place()
        engineer_id = await self.feed.requested(order_id)
        for act in ("accept", "complete"):
            await asyncio.sleep(rest)
            await self.way.act(act, order_id, engineer_id)
        await self.client.get_workflow_handle(workflow_id(order_id)).result()
        return order_id

    async def _next(self, count: int) -> Sequence[str]:
        return [await asyncio.wait_for(self._ended.get(), PATIENCE) for _ in range(count)]

    async def _loop(self) -> None:
        while self._placing:
            self._ended.put_nowait(await self.carry_through())


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
