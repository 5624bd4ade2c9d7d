"""Drill: one, two and four worker processes work off a backlog of orders, completely and none of them twice.

The orders of each turn are placed while no worker runs. The rate is that of all processes together, from when the
last one is ready. On one machine, which also runs the Temporal server, the rate shows the capacity of that machine.
"""

from dataclasses import dataclass
from time import perf_counter

from domain.orders import Event, OrderStatus
from drills.accounts import Seen
from drills.drill import Drill, Options
from drills.people import People, order, people
from harness.asking import document, send
from harness.stack import Stack, running
from harness.waiting import soon

FAULTS = {"twice": "an engineer is sent a second request for an order"}
_WORKED_OFF_WITHIN = 600.0


@dataclass(frozen=True)
class Turn:
    """Result for one number of workers."""

    workers: int
    orders: int
    left: int
    """Number of orders that were left when the last worker was ready."""
    seconds: float
    """Seconds from then until no order was left."""


async def run(options: Options) -> Drill:
    """Work off a backlog for each number of workers."""
    orders, turns = (20, (1, 2)) if options.quick else (600, (1, 2, 4))
    drill = Drill("A backlog, worked off by more and more workers")
    async with (
        running("temporal", "migration", "api", engineers=options.engineers) as stack,
        people(stack.url) as everybody,
    ):
        for workers in turns:
            await order(everybody, (f"{workers}-{number}" for number in range(orders)))
            turn = await _work_off(stack, everybody, workers, orders)
            drill.rows.append(_row(turn))
            if workers < turns[-1]:
                for number in range(workers):
                    await stack.stop(f"worker-{number}")
        if options.plant == "twice":
            await _ask_again(everybody)
        found = await everybody.accounts.settle(everybody.api, drill, within=_WORKED_OFF_WITHIN)
    judge(drill, list(found.values()))
    return drill


def judge(drill: Drill, found: list[Seen]) -> None:
    """Check that each order was worked off once."""
    waiting = sum(seen.status != OrderStatus.INSTALLATION_REQUESTED for seen in found)
    drill.check(f"{len(found) - waiting} of {len(found)} orders were worked off", waiting == 0 < len(found))
    twice = sum(seen.events[Event.INSTALLATION_REQUESTED] > 1 for seen in found)
    drill.check(f"{twice} were worked off twice", twice == 0)


async def _work_off(stack: Stack, everybody: People, workers: int, orders: int) -> Turn:
    for number in range(workers):
        await stack.add_worker(f"worker-{number}")
    left, began = await everybody.left(), perf_counter()
    await everybody.until_none_left(within=_WORKED_OFF_WITHIN)
    return Turn(workers, orders, left, perf_counter() - began)


async def _ask_again(everybody: People) -> None:
    order_id = next(iter(everybody.accounts.acknowledged))
    engineer = (await everybody.until(order_id, OrderStatus.INSTALLATION_REQUESTED))["engineerId"]
    others = await document(everybody.api, "/managementCenters/engineers", region="KR-11", limit="2")
    [other, *_] = [each["engineerId"] for each in others["items"] if each["engineerId"] != engineer]
    await send(everybody.api, "PUT", f"/managementCenters/assignments/{order_id}", {"engineerId": other})

    async def asked_again() -> bool:
        events = [entry["event"] for entry in (await everybody.row(order_id)).get("history", ())]
        return events.count(Event.INSTALLATION_REQUESTED) > 1

    await soon(asked_again, what="a second request")


def _row(turn: Turn) -> dict[str, str | int | float | None]:
    return {
        "worker processes": turn.workers,
        "orders": turn.orders,
        "left when all were ready": turn.left,
        "seconds": turn.seconds,
        "orders/s": turn.left / turn.seconds if turn.left else None,
    }
