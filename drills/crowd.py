"""Mixed load of customers, engineers and managers: orders are completed, declined, canceled, and listed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from time import perf_counter

from domain.orders import OrderStatus
from drills.drill import Drill
from drills.people import People, insist
from drills.stalls import Stalls
from harness.waiting import soon

_WAYS = {"completed": 6, "declined first": 2, "canceled at once": 1, "canceled after all": 1}
"""What happens to an order, and how often in ten."""
_BETWEEN_LOOKS = 0.2


@dataclass
class Crowd:
    """Customers, each with one order after the other, and the engineers and managers of these orders."""

    doors: Sequence[People]
    """The same people at each of the APIs. After a missing answer, they may try another API."""
    dice: Random
    pause: float
    """Seconds before each act."""
    ways: Counter[str] = field(default_factory=Counter)
    """What has happened to the orders."""
    installed: list[float] = field(default_factory=list)
    """When each order was placed that was completed, by `perf_counter`."""
    looks: Counter[int] = field(default_factory=Counter)
    """Responses to managers, by status."""
    stalls: Stalls = field(default_factory=Stalls)
    """When the machine stood still, while the service is used."""
    _leaving: bool = False

    async def busy(self, customers: int) -> None:
        """Use the service until `leave` is called. Orders in progress are brought to their end.

        Raises:
            NotInTime: an act was not answered.
        """
        async with self.stalls.noticed(), asyncio.TaskGroup() as crowd:
            for number in range(customers):
                crowd.create_task(self._customer(number))

    @asynccontextmanager
    async def at_work(self, customers: int, drill: Drill) -> AsyncIterator[None]:
        """Use the service during the block, bring orders in progress to their end, and check that all was answered."""
        using = asyncio.create_task(self.busy(customers))
        try:
            yield
            self.leave()
            await asyncio.wait((using,))
        finally:
            using.cancel()
            await asyncio.wait((using,))
        self.judge(using, drill)

    def judge(self, using: asyncio.Task[None], drill: Drill) -> None:
        """Check that everybody was answered, after the task of `busy` has ended."""
        failure = using.exception()
        drill.check(f"everybody was answered in the end ({failure or dict(self.ways)!r})", failure is None)

    def leave(self) -> None:
        """Place no more orders."""
        self._leaving = True

    async def _customer(self, number: int) -> None:
        orders = 0
        while not self._leaving:
            await self._order(f"{number}-{orders}")
            orders += 1

    async def _order(self, key: str) -> None:
        [way] = self.dice.choices(list(_WAYS), list(_WAYS.values()))
        placed_at = perf_counter()
        await self._act(lambda people: people.place(key, customerId=key))
        order_id = self.doors[0].accounts.by_key[key]
        self.looks[await self.stalls.answered(self._browse)] += 1
        if way == "canceled at once":
            await self._act(lambda people: people.cancel(order_id))
        else:
            engineer = await self._requested_engineer(order_id)
            if way == "declined first":
                await self._act(lambda people: people.decline(order_id))
                await self._requested_engineer(order_id, other_than=engineer)
            await self._act(lambda people: people.accept(order_id))
            last = People.cancel if way == "canceled after all" else People.complete
            await self._act(lambda people: last(people, order_id))
            if last is People.complete:
                self.installed.append(placed_at)
        self.ways[way] += 1

    async def _browse(self) -> int:
        return await self._door().browse(status=OrderStatus.INSTALLATION_REQUESTED)

    async def _act(self, act: Callable[[People], Awaitable[int]]) -> None:
        await asyncio.sleep(self.pause)
        await insist(lambda: act(self._door()))

    async def _requested_engineer(self, order_id: str, other_than: str | None = None) -> str:
        """Wait until an engineer has a request for the order, and return their id."""
        engineer = ""

        async def requested() -> bool:
            nonlocal engineer
            row = await self._door().row(order_id)
            engineer = row.get("engineerId") or ""
            return row.get("status") == OrderStatus.INSTALLATION_REQUESTED and engineer != other_than

        await soon(requested, every=_BETWEEN_LOOKS, what=f"an engineer has a request for {order_id}")
        return engineer

    def _door(self) -> People:
        return self.dice.choice(self.doors)
