"""Drill: the database and the worker of event delivery are gone; later, the database hangs. Only consumers notice.

Orders, the managers' view and the API go on. Afterwards two consumers have every event: one is sent batches.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from random import Random
from time import perf_counter

from sqlalchemy import delete, select

from domain.common import contexts
from drills.consumers import BATCH, subscribed
from drills.crowd import Crowd
from drills.deliveries import account, batches
from drills.drill import Drill, Options
from drills.outage import OTHERS, Apart, with_apart
from drills.people import People, people
from harness.waiting import last_look
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.tables import ORDER_EVENT, OUTBOX_POSITION
from supervisor.process import answers

FAULTS = {
    "forgotten": "the events that wait in the outbox are deleted",
    "stopped": "the worker of all other contexts is gone, too",
}
_DELIVERED_WITHIN = 300.0
_PATIENCE_WITH_A_FAULT = 10.0
_USED_WITHIN = 60.0
"""Seconds for which a phase waits for people, at least. They would break off after a longer time without an answer."""
_AS_MANY = 0.8
"""Smallest ratio of the orders per second to those before the outage."""


@dataclass(frozen=True)
class Phase:
    """What people saw in one phase."""

    name: str
    seconds: float
    orders: int
    """Orders that came to their end."""
    completed: int
    """Orders that were placed in this phase, and completed in it."""
    looks: Counter[int]
    """Answers of the managers' view, by status."""
    log: int
    """Status of `GET /events` at the end of the phase."""
    out: bool
    """Whether event delivery does not work."""

    @property
    def rate(self) -> float:
        """Orders per second."""
        return self.orders / self.seconds


async def run(options: Options) -> Drill:
    """Take away the database and the worker, then let the database hang, and see that everything is delivered."""
    drill = Drill("The database and the worker of event delivery are gone, then the database hangs")
    async with (
        with_apart(contexts.EVENT_DELIVERY, options) as apart,
        people(apart.running.url) as everybody,
        subscribed(apart.running, everybody.api, "billing") as [billing],
        subscribed(apart.running, everybody.api, "crm", batch=BATCH) as [crm],
    ):
        dice = Random(options.seed)  # noqa: S311 - chance, not a secret
        crowd = Crowd([everybody], dice, 0.1 if options.quick else 1.0)
        async with crowd.at_work(3 if options.quick else 10, drill):
            phases = await _phases(apart, everybody, crowd, options)
        judge(drill, phases, enough=not options.quick)
        await everybody.accounts.settle(everybody.api, drill, within=_DELIVERED_WITHIN)
        # A delivery that was under way when the worker was killed may repeat what it had not written down yet.
        within = _PATIENCE_WITH_A_FAULT if options.plant else _DELIVERED_WITHIN
        await account(drill, [billing, crm], within=within, again=None, one_at_a_time=False)
        several = batches(crm.ledger.requests())
        drill.check(f"{several} requests to crm had several events", several > 0)
    return drill


def judge(drill: Drill, phases: Sequence[Phase], *, enough: bool) -> None:
    """Check that people noticed nothing.

    Args:
        drill: Drill that gets the rows and the checks.
        phases: What they saw. The first phase is before the outage.
        enough: Whether the phases lasted long enough to compare rates.
    """
    before = phases[0]
    for phase in phases:
        seen = f"{phase.looks[HTTPStatus.OK]} of {phase.looks.total()}"
        drill.rows.append(
            {"event delivery": phase.name, "orders/s": phase.rate, "view answered": seen, "GET /events": phase.log}
        )
        drill.check(f"{phase.name}: {phase.completed} orders were placed and completed", phase.completed > 0)
        drill.check(f"{phase.name}: {seen} looks at the view were answered", set(phase.looks) == {HTTPStatus.OK})
        expected = HTTPStatus.SERVICE_UNAVAILABLE if phase.out else HTTPStatus.OK
        drill.check(f"{phase.name}: GET /events is answered with {phase.log}", phase.log == expected)
        if enough:
            times = phase.rate / before.rate if before.rate else 0
            drill.check(f"{phase.name}: {times:.2f} times as many orders as before", times >= _AS_MANY)


async def _phases(apart: Apart, everybody: People, crowd: Crowd, options: Options) -> Sequence[Phase]:
    seconds = 60 * options.minutes if options.minutes else (2.0 if options.quick else 120.0)
    phases: list[Phase] = []

    async def phase(name: str, *, out: bool = False) -> None:
        orders, looks, began = crowd.ways.total(), crowd.looks.copy(), perf_counter()

        def completed() -> int:
            return sum(placed_at >= began for placed_at in crowd.installed)

        async def used() -> bool:
            return completed() > 0 and crowd.looks.total() > looks.total()

        await asyncio.sleep(seconds)
        await last_look(used, within=_PATIENCE_WITH_A_FAULT if options.plant == "stopped" else _USED_WITHIN)
        log = await crowd.stalls.answered(partial(everybody.browse_events, limit="1"))
        took = perf_counter() - began
        phases.append(Phase(name, took, crowd.ways.total() - orders, completed(), crowd.looks - looks, log, out))

    await phase("there")
    await apart.go()
    if options.plant == "stopped":
        await apart.running.kill(OTHERS)
    await phase("gone", out=True)
    if options.plant == "stopped":
        await apart.running.start(OTHERS)
    if options.plant == "forgotten":
        await _forget(apart.running.settings)
    await apart.come_back()
    with apart.hung():
        await phase("hung", out=True)
    await last_look(lambda: answers(f"{apart.running.url}/events?limit=1"))
    await phase("back")
    return phases


async def _forget(settings: Settings) -> None:
    """Plant the fault."""
    database = Database(settings.database_url(contexts.ORDER_STATUS))
    async with database.writing() as connection:
        relayed = select(OUTBOX_POSITION.c.relayed).scalar_subquery()
        await connection.execute(delete(ORDER_EVENT).where(ORDER_EVENT.c.sequence > relayed))
    await database.dispose()
