"""Drill: half an hour of mixed load while a part is killed every 20 seconds. Nothing is lost; memory stays flat.

Customers, engineers and managers use two APIs, and two consumers are sent every event. The Temporal server, one of two
workers, one of the two APIs or a consumer is killed at random and restarted. The other worker and the other API run all
the time. Only their memory is judged, because a new process has not filled its caches yet.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median
from time import monotonic

from sqlalchemy import delete
from sqlmodel import col

from domain.common import contexts
from drills.consumers import subscribed
from drills.crowd import Crowd
from drills.deliveries import account
from drills.drill import Drill, Options
from drills.people import People, people
from harness.process_usage import resident_mib
from harness.stack import Stack, running
from stores.common.database import Database
from stores.order_status.tables import OrderStatusRow

FAULTS = {"forgotten": "an order is deleted from the managers' view"}
_CONSUMERS = ("billing", "crm")
_MORTAL = ("temporal", "worker-mortal", "api-mortal", *(f"consumer-{name}" for name in _CONSUMERS))
_WATCHED = ("worker", "api")
_MINUTES = 30.0
_CUSTOMERS = 10
_PAUSE = 1.0
_KILL_EVERY = 20.0
_SAMPLES = 300
"""Number of memory samples of each process in the whole time."""
_GROWTH = 1.10
"""Maximum ratio of the memory in the last third to that in the middle third."""
_SETTLED_WITHIN = 600.0


@dataclass
class Seen:
    """Kills of the parts, and their memory."""

    killed: Counter[str] = field(default_factory=Counter)
    memory: Mapping[str, list[float]] = field(default_factory=lambda: {name: [] for name in _WATCHED})
    """MiB of resident memory, in the order of time."""


async def run(options: Options) -> Drill:
    """Use the service, and kill its parts."""
    seconds = 60 * (options.minutes or (0.5 if options.quick else _MINUTES))
    drill = Drill(f"{seconds / 60:g} minutes of everything, and kills")
    async with running("temporal", "migration", "worker", "api") as stack:
        await stack.add_worker("worker-mortal")
        host, port = await stack.add_api("api-mortal")
        async with (
            people(stack.url) as everybody,
            people(f"http://{host}:{port}") as at_the_other,
            subscribed(stack, everybody.api, *_CONSUMERS) as consumers,
        ):
            at_the_other.accounts = everybody.accounts
            seen = await _soak(stack, [everybody, at_the_other], drill, options, seconds)
            if options.plant:
                await _forget(stack, everybody)
            within = 10 if options.plant else _SETTLED_WITHIN
            await everybody.accounts.settle(everybody.api, drill, within=within)
            await account(drill, consumers, within=within, again=None, one_at_a_time=False)
    judge(drill, seen, enough=not options.quick)
    return drill


def judge(drill: Drill, seen: Seen, *, enough: bool) -> None:
    """Check that parts were killed, and that memory is flat.

    Args:
        drill: Drill that gets the rows and the checks.
        seen: Observations.
        enough: Whether it lasted long enough to judge memory.
    """
    for name in (*_WATCHED, *_MORTAL):
        samples = seen.memory.get(name, [])
        middle, last = (_third(samples, number) for number in (1, 2))
        growth = last / middle if middle and last else None
        drill.rows.append({"part": name, "killed": seen.killed[name], "MiB, 2nd third": middle, "MiB, 3rd": last})
        if name in _WATCHED and enough:
            told = f"{growth:.2f} of the middle third" if growth else "unknown"
            drill.check(f"memory of {name} in the last third: {told}", bool(growth) and (growth or 0) <= _GROWTH)
    drill.check(f"parts were killed {seen.killed.total()} times", seen.killed.total() > 0)


async def _soak(stack: Stack, doors: Sequence[People], drill: Drill, options: Options, seconds: float) -> Seen:
    seen, dice = Seen(), Random(options.seed)  # noqa: S311 - chance, not a secret
    crowd = Crowd(doors, dice, _PAUSE)
    over = asyncio.Event()
    using = asyncio.create_task(crowd.busy(3 if options.quick else _CUSTOMERS))
    killing = asyncio.create_task(_kill(stack, dice, 5 if options.quick else _KILL_EVERY, seen, over))
    sampling = asyncio.create_task(_sample(stack, seconds / _SAMPLES, seen, over))
    # A task that ends early has failed: stop then.
    await asyncio.wait((using, killing, sampling), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    crowd.leave()
    over.set()
    await asyncio.gather(killing, sampling)
    await asyncio.wait((using,))
    crowd.judge(using, drill)
    drill.check(f"{crowd.looks[200]} of {crowd.looks.total()} looks at the list were answered", crowd.looks[200] > 0)
    return seen


async def _kill(stack: Stack, dice: Random, every: float, seen: Seen, over: asyncio.Event) -> None:
    due = monotonic() + every
    while not await _is_set_within(over, due - monotonic()):
        due += every
        name = dice.choice(_MORTAL)
        await stack.kill(name)
        seen.killed[name] += 1
        await stack.start(name)


async def _sample(stack: Stack, every: float, seen: Seen, over: asyncio.Event) -> None:
    while not await _is_set_within(over, every):
        for name, samples in seen.memory.items():
            samples.append(resident_mib(stack.pid(name)))


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _third(samples: Sequence[float], number: int) -> float | None:
    size = len(samples) // 3
    return median(samples[size * number : size * (number + 1)]) if size else None


async def _forget(stack: Stack, everybody: People) -> None:
    order_id = next(iter(everybody.accounts.acknowledged))
    database = Database(stack.settings.database_url(contexts.ORDER_STATUS))
    try:
        async with database.writing() as connection:
            await connection.execute(delete(OrderStatusRow).where(col(OrderStatusRow.order_id) == order_id))
    finally:
        await database.dispose()
