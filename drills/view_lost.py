"""Drill: the managers' view is lost under load, and rebuilt from the workflows while orders are placed and canceled.

Nothing is restarted. While the view is gone, it answers 503, and nothing else is affected. A consumer of events is sent
each event, and none with another number: what the rebuilt view tells again is known to the log.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import count
from pathlib import Path
from time import perf_counter

from domain.common import contexts
from domain.orders import OrderStatus
from drills.consumers import subscribed
from drills.deliveries import account
from drills.drill import Drill, Options, Row
from drills.outage import environment, patience
from drills.people import People, insist, people
from harness import stack
from harness.asking import document
from harness.waiting import soon
from stores.migration import drop, migrate

FAULTS = {"not-rebuilt": "the view's tables are made anew, and nothing is read back into them"}
_CUSTOMERS = 6
_WAYS = ("completed", "canceled", "accepted", "placed")
_BEFORE, _LOST, _REBUILDING, _AFTER = "before", "the view is lost", "it is being rebuilt", "after"
_TAKEN = {"order": (HTTPStatus.OK, HTTPStatus.CREATED), "cancel": (HTTPStatus.OK, HTTPStatus.ACCEPTED)}
_WITHIN = 120.0
_PAUSE = 0.1
"""Seconds between a customer's orders."""


@dataclass
class _Phase:
    """A phase of the drill, and the requests in it."""

    name: str
    began: float = field(default_factory=perf_counter)
    seconds: float = 0
    taken: Counter[str] = field(default_factory=Counter)
    again: int = 0
    """Number of requests that were repeated, as the contract requires after a 503 or a missing answer."""
    slowest: dict[str, float] = field(default_factory=dict)
    view: int = 0
    """Last status with which the view answered."""


@dataclass
class _Use:
    """Customers and engineers who do not use the view, and their observations in each phase."""

    crowd: People
    phases: list[_Phase] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def phase(self, name: str, *meanwhile: Awaitable[None]) -> None:
        """Begin a phase, and wait until its actions are done."""
        self.phases.append(_Phase(name))
        await asyncio.gather(*meanwhile)
        self.phases[-1].seconds = perf_counter() - self.phases[-1].began
        self.phases[-1].view = (await self.crowd.api.get("/orderStatuses/summary")).status_code

    async def busy(self, seconds: float) -> None:
        """Wait for some seconds, and until there was an order and a cancel in this phase."""
        await asyncio.sleep(seconds)

        async def both() -> bool:
            return all(self.phases[-1].taken[what] for what in ("order", "cancel"))

        await soon(both, within=_WITHIN, every=_PAUSE, what="an order and a cancel")

    async def customer(self, name: str, begin_with: int) -> None:
        """Place one order after another. They get to different statuses."""
        for number in count(begin_with):
            if self.stop.is_set():
                return
            key, way = f"{name}-{number}", _WAYS[number % len(_WAYS)]
            await self._insist("order", partial(self.crowd.place, key))
            order_id = self.crowd.accounts.by_key[key]
            if way == "canceled":
                await self._insist("cancel", partial(self.crowd.cancel, order_id))
            elif way != "placed":
                await self._until_requested(order_id)
                await insist(partial(self.crowd.accept, order_id))
                if way == "completed":
                    await insist(partial(self.crowd.complete, order_id))
            await asyncio.sleep(_PAUSE)

    async def _insist(self, what: str, ask: Callable[[], Awaitable[int]]) -> None:
        phase, began, tries = self.phases[-1], perf_counter(), 0

        async def once() -> int:
            nonlocal tries
            tries += 1
            return await ask()

        status = await insist(once)
        if status not in _TAKEN[what]:
            raise stack.StackFailure(f"the answer to a customer's {what} was {status}")
        phase.taken[what] += 1
        phase.again += tries - 1
        phase.slowest[what] = max(phase.slowest.get(what, 0), perf_counter() - began)

    async def _until_requested(self, order_id: str) -> None:
        """Wait until the engineer's work list has the order."""

        async def requested() -> bool:
            return (await self.crowd.api.get(f"/installations/{order_id}")).status_code == HTTPStatus.OK

        await soon(requested, within=_WITHIN, every=_PAUSE)


async def run(options: Options) -> Drill:
    """Start the service, use it, lose the view, and rebuild it."""
    drill = Drill("The managers' view is lost under load, and rebuilt from the workflows")
    seconds = 1.0 if options.quick else 20.0
    # No reconciliation, because it would repair the view in the background.
    variables = {**environment(options), "RECONCILE_EVERY": "0"}
    parts = ("temporal", "migration", "worker", "api")
    async with (
        stack.running(*parts, environment=variables, engineers=options.engineers) as running,
        people(running.url) as crowd,
        subscribed(running, crowd.api, "billing") as consumers,
    ):
        use = _Use(crowd)
        url = running.settings.database_url(contexts.ORDER_STATUS)
        async with asyncio.TaskGroup() as load:
            for number in range(_CUSTOMERS):
                load.create_task(use.customer(f"customer-{number}", number))
            await use.phase(_BEFORE, use.busy(seconds))
            known = await soon(partial(_ended, crowd), within=_WITHIN, what="orders that have ended, in the view")
            await drop(contexts.ORDER_STATUS, url)
            await use.phase(_LOST, use.busy(seconds))
            rebuild = migrate(contexts.ORDER_STATUS, url) if options.plant else _rebuild()
            await use.phase(_REBUILDING, rebuild, use.busy(0))
            await use.phase(_AFTER, use.busy(seconds / 2))
            use.stop.set()
        drill.rows = [_row(phase) for phase in use.phases]
        drill.check(f"{known} orders that had ended were in the view, and it was lost with them", known > 0)
        answer = use.phases[1].view
        drill.check(f"the view said that it is not there: {answer}", answer == HTTPStatus.SERVICE_UNAVAILABLE)
        drill.check("orders and cancels were taken in every phase", all(len(phase.taken) == 2 for phase in use.phases))
        await crowd.accounts.settle(crowd.api, drill, within=_WITHIN, patience=patience(options))
        await account(drill, consumers)
    return drill


async def _ended(crowd: People) -> int:
    """Return the number of orders that have ended. They are not projected again: only a rebuild restores them."""
    summary = await document(crowd.api, "/orderStatuses/summary")
    return sum(count for status, count in summary["byStatus"].items() if OrderStatus(status).final)


async def _rebuild() -> None:
    """Run `make rebuild-view ARGS=--drop`, and `make rebuild-view` after that for as long as it says so."""
    anew = ["--drop"]
    async with asyncio.timeout(_WITHIN):
        while True:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ops.rebuild_view", *anew),
                cwd=Path(__file__).parents[1],
                stdout=asyncio.subprocess.DEVNULL,
            )
            if not await process.wait():
                return
            anew = []


def _row(phase: _Phase) -> Row:
    return {
        "": phase.name,
        "seconds": phase.seconds,
        "orders taken": phase.taken["order"],
        "slowest, s": phase.slowest.get("order"),
        "cancels taken": phase.taken["cancel"],
        "slowest cancel, s": phase.slowest.get("cancel"),
        "asked again": phase.again,
        "the view answers": phase.view,
    }
