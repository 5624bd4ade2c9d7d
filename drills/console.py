"""Drill: a board is open in a browser while the console, the API and Temporal are killed in turn, and people work.

Nobody touches the board. It has to say when it does not follow any more, to come back by itself, and then to show each
order as the API shows it, once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from domain.orders import OrderStatus
from drills.board import Board, board_of
from drills.drill import Drill, Options
from drills.outage import environment, patience
from drills.people import People, insist, order, people
from harness import stack
from harness.asking import document
from harness.stack import Stack

FAULTS = {"forgetful": "the page does not send the number of the last event"}
_TEMPORAL = "temporal"
_PARTS = ("console", "api", _TEMPORAL)
_NEW = 2
"""Number of orders that are placed during each outage."""
_WARNING = "New orders and changes cannot be accepted at the moment"


@dataclass(frozen=True)
class Outage:
    """The death of a part, and what people do meanwhile with orders that the board shows, and with new ones."""

    part: str
    accepted: str
    canceled: str
    last: str
    """The order that is accepted once all is well again. Whoever has seen this has seen everything before."""
    placed: Sequence[str]
    """Keys of the new orders."""


async def run(options: Options) -> Drill:
    """Kill each part in turn (quick: once, otherwise five times), and compare the board with the API each time."""
    drill = Drill("A board is open while the console, the API and Temporal are killed in turn")
    parts = _PARTS * (1 if options.quick else 5)
    async with (
        stack.running(
            *("temporal", "migration", "worker", "api", "console"),
            environment=environment(options),
            engineers=options.engineers,
        ) as running,
        people(running.url) as everybody,
    ):
        outages = await _prepared(everybody, parts)
        async with board_of(running.console_url) as board:
            if options.plant:
                await board.forget_the_last_event()
            await board.open()
            for outage in outages:
                await _outage(drill, running, everybody, board, outage)
            drill.check(f"{len(board.exceptions)} errors of the script", not board.exceptions)
        await everybody.accounts.settle(everybody.api, drill, patience=patience(options))
    return drill


async def _prepared(everybody: People, parts: Sequence[str]) -> list[Outage]:
    """Place the orders that the board shows from the beginning."""
    keys = [f"{number}-{act}" for number in range(len(parts)) for act in ("accepted", "canceled", "last")]
    await order(everybody, keys)
    known = everybody.accounts.by_key
    await _until(everybody, list(known.values()), OrderStatus.INSTALLATION_REQUESTED)
    return [
        Outage(
            part,
            accepted=known[f"{number}-accepted"],
            canceled=known[f"{number}-canceled"],
            last=known[f"{number}-last"],
            placed=[f"{number}-new-{new}" for new in range(_NEW)],
        )
        for number, part in enumerate(parts)
    ]


async def _outage(drill: Drill, running: Stack, everybody: People, board: Board, outage: Outage) -> None:
    shown = {order_id for order_id, _ in await board.rows()}
    began = perf_counter()
    await running.kill(outage.part)
    work = asyncio.create_task(_work(everybody, outage))
    if outage.part == _TEMPORAL:
        drill.check("temporal: a page that is opened says so", await board.warns(_WARNING))
        drill.check("temporal: the open board goes on", await board.says("live"))
    else:
        drill.check(f"{outage.part}: the open board says so", await board.says("away"))
    said = perf_counter() - began
    if outage.part == "console":
        await work  # All of it while nobody tells the board.
    await running.start(outage.part)
    back = perf_counter()
    await work
    if outage.part == _TEMPORAL:
        drill.check("temporal: the warning goes", await board.warns(_WARNING, so=False))
    drill.check(f"{outage.part}: the board comes back by itself", await board.says("live"))
    await insist(partial(everybody.accept, outage.last))
    await _until(everybody, [outage.last], OrderStatus.INSTALLATION_ACCEPTED)
    expected = {order_id: await _version(everybody, order_id) for order_id in shown}
    drill.check(f"{outage.part}: the last change comes", await board.shows(outage.last, expected[outage.last]))
    caught_up = perf_counter() - back
    rows = await board.rows()
    right = sum(expected.get(order_id) == version for order_id, version in rows)
    drill.check(f"{outage.part}: {right} of {len(shown)} orders are shown as they are", right == len(shown))
    drill.check(f"{outage.part}: {len(rows)} rows, each once", len(rows) == len(set(dict(rows))) == len(shown))
    placed, told = len(everybody.accounts.by_key) - len(shown), await board.new_orders()
    drill.check(f"{outage.part}: {placed} orders are new, the board tells of {told}", placed == told)
    drill.rows.append(
        {"killed": outage.part, "said so after s": said, "caught up s after its return": caught_up, "shown": right}
    )


async def _version(everybody: People, order_id: str) -> int:
    return int((await document(everybody.api, f"/orderStatuses/{order_id}"))["version"])


async def _work(everybody: People, outage: Outage) -> None:
    """Accept, cancel and order, until each is answered and the managers' view shows it."""
    async with asyncio.TaskGroup() as acts:
        acts.create_task(insist(partial(everybody.accept, outage.accepted)))
        acts.create_task(insist(partial(everybody.cancel, outage.canceled)))
        acts.create_task(order(everybody, outage.placed))
    await _until(everybody, [outage.accepted], OrderStatus.INSTALLATION_ACCEPTED)
    await _until(everybody, [outage.canceled], OrderStatus.ORDER_CANCELED)
    placed = [everybody.accounts.by_key[key] for key in outage.placed]
    await _until(everybody, placed, OrderStatus.INSTALLATION_REQUESTED)


async def _until(everybody: People, order_ids: Sequence[str], status: OrderStatus) -> None:
    await asyncio.gather(*(everybody.until(order_id, status) for order_id in order_ids))
