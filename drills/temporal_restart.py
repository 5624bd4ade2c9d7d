"""Drill: the Temporal server is killed and restarted under load. Every acknowledged order reaches its end.

Meanwhile, orders are placed, accepted, completed and canceled, and unanswered requests are repeated. Managers list
orders all the time, and are always answered.
"""

import asyncio
from collections import Counter
from functools import partial
from http import HTTPStatus
from time import perf_counter

from domain.orders import OrderStatus
from drills.drill import Drill, Options
from drills.outage import drop, environment, patience
from drills.people import People, insist, people
from drills.stalls import Stalls
from harness import stack
from harness.stack import Stack

FAULTS = {"dropped": "an acknowledged order is dropped while the server is started again"}
_CUSTOMERS = 6
"""Number of customers, each with one order at a time."""
_DOWN_FOR = 2.0
"""Seconds from the kill to the restart."""
_BETWEEN_LOOKS = 0.05


async def run(options: Options) -> Drill:
    """Kill and restart the server (quick: once), bring every order to its end, and account for all of them."""
    drill = Drill("Temporal is killed and started again under load")
    times, pause = (1, 1.0) if options.quick else (5, 15.0)
    async with (
        stack.running(
            *("temporal", "migration", "worker", "api"), environment=environment(options), engineers=options.engineers
        ) as running,
        people(running.url) as everybody,
    ):
        looks: Counter[int] = Counter()
        over = asyncio.Event()
        await everybody.place("first")
        # On a slow machine, it would otherwise not be on its way yet when Temporal is killed.
        await everybody.until(everybody.accounts.by_key["first"], OrderStatus.INSTALLATION_REQUESTED)
        looking = asyncio.create_task(_look_on(everybody, looks))
        async with asyncio.TaskGroup() as tasks:
            for customer in range(_CUSTOMERS):
                tasks.create_task(_work(everybody, customer, over))
            for number in range(times):
                await asyncio.sleep(pause)
                await _restart(drill, running, everybody, number, dropped=options.plant is not None and number == 0)
            over.set()
        await _install(everybody, everybody.accounts.by_key["first"])
        looking.cancel()
        found = await everybody.accounts.settle(everybody.api, drill, patience=patience(options))
    ended = sum(seen.status is not None and seen.status.final for seen in found.values())
    drill.check(f"{ended} of {len(found)} orders have come to their end", ended == len(found))
    drill.check(f"{looks[HTTPStatus.OK]} of {looks.total()} looks at the orders were answered", set(looks) == {200})
    return drill


async def _restart(drill: Drill, running: Stack, everybody: People, number: int, *, dropped: bool) -> None:
    acknowledged = len(everybody.accounts.acknowledged)
    began = perf_counter()
    await running.kill("temporal")
    await asyncio.sleep(_DOWN_FOR)
    await running.start("temporal")
    seconds = perf_counter() - began
    if dropped:
        await drop(running, everybody.accounts.by_key["first"])
    drill.rows.append({"death": number + 1, "orders acknowledged before": acknowledged, "back after s": seconds})


async def _work(everybody: People, customer: int, over: asyncio.Event) -> None:
    """Place one order after the other, and complete it or, every third time, cancel it."""
    number = 0
    while not over.is_set():
        number += 1
        key = f"{customer}-{number}"
        await insist(partial(everybody.place, key))
        order_id = everybody.accounts.by_key[key]
        if number % 3 == 0:
            await insist(partial(everybody.cancel, order_id))
        else:
            await _install(everybody, order_id)


async def _install(everybody: People, order_id: str) -> None:
    await everybody.until(order_id, OrderStatus.INSTALLATION_REQUESTED)
    await insist(partial(everybody.accept, order_id))
    await insist(partial(everybody.complete, order_id))


async def _look_on(everybody: People, looks: Counter[int]) -> None:
    stalls = Stalls()
    async with stalls.noticed():
        while True:
            looks[await stalls.answered(partial(everybody.browse, limit="50"))] += 1
            await asyncio.sleep(_BETWEEN_LOOKS)
