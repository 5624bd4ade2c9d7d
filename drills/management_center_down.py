"""Drill: the management center is down (worker and database). Orders are accepted, and continue once it is back."""

import asyncio
from collections import Counter
from http import HTTPStatus
from time import perf_counter

from domain.common import contexts
from domain.orders import OrderStatus
from drills.drill import Drill, Options
from drills.outage import Apart, drop, patience, with_apart
from drills.people import People, people

FAULTS = {"dropped": "an order that was taken meanwhile is dropped"}
_AT_ONCE = 8


async def run(options: Options) -> Drill:
    """Stop the context, place and cancel orders, restart the context, and account for every order."""
    drill = Drill("The management center is gone while orders are placed")
    orders = 10 if options.quick else 200
    async with (
        with_apart(contexts.MANAGEMENT_CENTER, options) as apart,
        people(apart.running.url) as customers,
    ):
        await _phase(drill, customers, "there", orders)
        await apart.go()
        meanwhile = await _phase(drill, customers, "gone", orders)
        await _judge_meanwhile(drill, customers, meanwhile)
        canceled = meanwhile[: orders // 5]
        answers = Counter(await asyncio.gather(*map(customers.cancel, canceled)))
        recorded = answers[HTTPStatus.OK] + answers[HTTPStatus.ACCEPTED]
        drill.check(f"{recorded} of {len(canceled)} cancels were done or recorded meanwhile", recorded == len(canceled))
        if options.plant:
            await drop(apart.running, meanwhile[-1])
        await _come_back(drill, apart, customers, options)
    return drill


async def _phase(drill: Drill, customers: People, center: str, orders: int) -> list[str]:
    """Place orders, and return those that were acknowledged."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def place(number: int) -> tuple[int, float]:
        async with turns:
            began = perf_counter()
            return await customers.place(f"{center}-{number}"), perf_counter() - began

    answers = await asyncio.gather(*map(place, range(orders)))
    taken = sum(status == HTTPStatus.CREATED for status, _ in answers)
    slowest = max(seconds for _, seconds in answers)
    drill.rows.append({"management center": center, "orders": orders, "201": taken, "slowest s": slowest})
    drill.check(f"while it is {center}, {taken} of {orders} orders are taken", taken == orders)
    return [order for key, order in customers.accounts.by_key.items() if key.startswith(f"{center}-")]


async def _judge_meanwhile(drill: Drill, customers: People, orders: list[str]) -> None:
    rows = await asyncio.gather(*(customers.until(order, OrderStatus.JOIN_ORDERED) for order in orders))
    drill.check(f"meanwhile the managers see {len(rows)} of them waiting as JOIN_ORDERED", len(rows) == len(orders))


async def _come_back(drill: Drill, apart: Apart, customers: People, options: Options) -> None:
    began = perf_counter()
    await apart.come_back()
    found = await customers.accounts.settle(customers.api, drill, patience=patience(options))
    seconds = perf_counter() - began
    drill.rows.append({"management center": "back", "orders": len(found), "201": None, "slowest s": seconds})
