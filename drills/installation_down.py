"""Drill: the installation context is down (worker and database). Cancels are recorded, and done once it is back."""

import asyncio
from collections import Counter
from functools import partial
from http import HTTPStatus
from time import perf_counter

from domain.common import contexts
from domain.orders import OrderStatus
from drills.accounts import Act
from drills.drill import Drill, Options, Row
from drills.outage import drop, patience, with_apart
from drills.people import People, insist, people

FAULTS = {"dropped": "an order whose cancel was recorded is dropped"}


async def run(options: Options) -> Drill:
    """Place and accept orders, stop the context, cancel, restart the context, and account for every order."""
    drill = Drill("The installation context is gone while orders are canceled")
    orders = 10 if options.quick else 100
    async with with_apart(contexts.INSTALLATION, options) as apart, people(apart.running.url) as everybody:
        placed = await _requested(everybody, orders)
        for order_id in placed[::2]:
            await insist(partial(everybody.accept, order_id))
        await apart.go()
        await _cancel(drill, everybody, placed)
        taken = Counter(await asyncio.gather(*(everybody.place(f"meanwhile-{number}") for number in range(orders))))
        drill.check(f"{taken[HTTPStatus.CREATED]} of {orders} orders are taken meanwhile", set(taken) == {201})
        rows = [await everybody.row(order_id) for order_id in placed]
        early = sum(row.get("status") == OrderStatus.ORDER_CANCELED for row in rows)
        drill.check(f"{early} read ORDER_CANCELED while their installation could not be canceled", not early)
        if options.plant:
            await drop(apart.running, placed[0])
        began = perf_counter()
        await apart.come_back()
        found = await everybody.accounts.settle(everybody.api, drill, patience=patience(options))
        done = sum(seen.status == OrderStatus.ORDER_CANCELED for seen in found.values())
        drill.rows.append(_row("back", len(found), None, done, perf_counter() - began))
        drill.check(f"{done} of {len(placed)} recorded cancels are done", done == len(placed))
    return drill


async def _requested(everybody: People, orders: int) -> list[str]:
    await asyncio.gather(*(insist(partial(everybody.place, f"before-{number}")) for number in range(orders)))
    placed = list(everybody.accounts.acknowledged)
    await asyncio.gather(*(everybody.until(order_id, OrderStatus.INSTALLATION_REQUESTED) for order_id in placed))
    return placed


async def _cancel(drill: Drill, everybody: People, placed: list[str]) -> None:
    began = perf_counter()
    answers = Counter(await asyncio.gather(*map(everybody.cancel, placed)))
    recorded = everybody.accounts.count(Act.CANCEL_RECORDED)
    drill.rows.append(_row("gone", len(placed), recorded, 0, perf_counter() - began))
    drill.check(f"{recorded} of {len(placed)} cancels are recorded with 202", set(answers) == {HTTPStatus.ACCEPTED})


def _row(installation: str, orders: int, recorded: int | None, canceled: int, seconds: float) -> Row:
    counts: Row = {"orders": orders, "202": recorded, "canceled": canceled}
    return {"installation": installation, **counts, "all after s": seconds}
