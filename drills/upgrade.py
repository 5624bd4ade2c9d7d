"""Drill: upgrades from the previous release to this one, in place and side by side, without losing an order.

In place: the previous release runs as with `make run` and leaves orders in every open status. Some stores are locked
meanwhile, which keeps orders in statuses that they pass quickly. Then this release runs on the same data, finishes
the orders, and leaves others, whose messages are bound. It finishes those after messages have to be bound.

Side by side, at one Temporal server: this release migrates the tables, its API works with the old workers, and the old
API works with its workers.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager
from functools import partial

from domain.common import contexts
from domain.orders import Event, OrderStatus
from drills.accounts import look
from drills.drill import Drill, Options
from drills.journeys import Journey, journeys
from drills.noticed import failed_tasks
from drills.people import People, people
from drills.rollout import Doors, Seen, Stage, note_answers, note_failures
from harness import stack
from harness.apart import apart
from harness.ports import free_port
from harness.release_before import OURS, Checkout, prepared
from harness.stack import Stack
from harness.supervised import started
from harness.waiting import soon
from ops.promote_build import Release
from runtime.payload_binding import PayloadBinding
from runtime.settings import Settings
from runtime.temporal_client import connect
from supervisor.process import answers
from supervisor.urls import url

FAULTS = {
    "unpatched": "the workflow sends another command, and no patch tells old orders from new",
    "new-status": "an order is given a status that the release before does not know",
}
_RETRIES = {"ORDER_RETRY_AT_MOST_EVERY": "2"}
"""Short pauses, so that retries follow soon after a store is unlocked."""
_SETTLED_WITHIN, _PATIENCE = 300.0, 60.0
_LOCKED_WITHIN = 60.0
_OPEN = [status for status in OrderStatus if not status.final]
_STARTED = Event.INSTALLATION_STARTED
_BEFORE, _NOW = "before", "now"
_ADDED = {contexts.EVENT_DELIVERY}
"""Contexts that the release before does not know."""
_RELEASED_WITHIN = 120.0
_TIMES = 3
"""Orders of each kind in each stage."""
_PARTS_QUICK, _PARTS_PLANTED = 3, 7
_PLANTED_WITHIN = 8.0
"""Seconds for each step where a fault is planted: some steps never become possible."""
_TOLD = 5
_OTHER = "otherwise"


async def run(options: Options) -> Drill:
    """Upgrade in both ways.

    Raises:
        NotTried: git does not have the previous release.
    """
    theirs, drill, seen = await asyncio.to_thread(prepared), Drill("The release before, and this one"), Seen()
    if not options.plant:
        await _in_place(theirs, drill, seen, options)
    await _side_by_side(theirs, drill, seen, options)
    judge(drill, seen, in_place=not options.plant)
    return drill


def judge(drill: Drill, seen: Seen, *, in_place: bool = True) -> None:
    """Check the observations.

    Args:
        drill: Drill that gets the rows and the checks.
        seen: Observations.
        in_place: Whether the upgrade in place was tried, too.
    """
    drill.rows += seen.rows
    if in_place:
        lacking = [name for name in (*_OPEN, _STARTED) if name not in seen.left]
        told = f"; not in {', '.join(lacking)}" if lacking else ""
        drill.check(f"the release before has left orders in every open status{told}", not lacking)
    told = "".join(f"; {surprise}" for surprise in seen.surprises[:_TOLD])
    drill.check(f"{len(seen.surprises)} answers were others than they should have been{told}", not seen.surprises)
    drill.check(f"{seen.faults} of {seen.answers.total()} answers say that an API has a fault (500)", not seen.faults)
    told = "".join(f"; {name}" for name in list(seen.failed)[:_TOLD])
    drill.check(f"{seen.failed.total()} workflow tasks have failed{told}", not seen.failed)
    if seen.ends:
        told = ", ".join(f"{count} {end}" for end, count in sorted(seen.ends.items()))
        drill.check(f"orders have come to the end that they were to: {told}", not seen.ends[_OTHER])


async def _in_place(theirs: Checkout, drill: Drill, seen: Seen, options: Options) -> None:
    left, since = _left("in-place", options), _left("since", options)
    with apart(_RETRIES) as settings, ExitStack() as locks:
        worker = {"worker": url(settings.worker_host, settings.worker_port)}
        async with started(settings, checkout=theirs) as service, people(service.url) as everybody:
            await everybody.hire(_engineers(options))
            held = [Journey("held-0", ("accept", "cancel"), 1)]
            stage = Stage("left by the release before", _BEFORE, _BEFORE, beginning=[*left, *held])
            await stage.go_through(Doors(everybody), seen)
            held += await _hold(settings, everybody, held, locks)
            seen.left |= {name for journey in (*left, *held) for name in await _status_and_event(everybody, journey)}
            await note_answers(seen, service.url)
            await note_failures(seen, worker)
        locks.close()
        async with started(settings) as service, people(service.url) as everybody_now:
            everybody_now.accounts = everybody.accounts
            stage = Stage("taken on in its place", _NOW, _NOW, ending=[*left, *held], beginning=since)
            await stage.go_through(Doors(everybody_now), seen)
            await note_answers(seen, service.url)
            await note_failures(seen, worker)
        required = settings.model_copy(update={"payload_binding": PayloadBinding.REQUIRE})
        environment = {"PAYLOAD_BINDING": PayloadBinding.REQUIRE}
        async with started(settings, environment=environment) as service, people(service.url) as everybody_since:
            everybody_since.accounts = everybody.accounts
            stage = Stage("messages have to be bound", _NOW, _NOW, ending=since)
            await stage.go_through(Doors(everybody_since), seen)
            await _settle(everybody_since, drill, seen, [*left, *held, *since])
            await note_answers(seen, service.url)
            await note_failures(seen, worker)
            seen.failed += await failed_tasks(await connect(required))


async def _hold(settings: Settings, everybody: People, canceled: Sequence[Journey], locks: ExitStack) -> list[Journey]:
    """Keep orders in statuses that they pass quickly, by locking the stores that the next step needs."""
    assigned = [Journey("held-1", ("accept", "complete"), 0), Journey("held-2", ("cancel",), 0)]
    ordered = [Journey("held-3", ("accept", "complete"), 0), Journey("held-4", ("cancel",), 0)]
    locks.enter_context(_locked(settings, contexts.INSTALLATION))
    async with asyncio.TaskGroup() as group:
        for journey in canceled:
            group.create_task(_reach(everybody, journey, journey.go_on, OrderStatus.CANCEL_ORDERED))
        for journey in assigned:
            group.create_task(_reach(everybody, journey, journey.begin, OrderStatus.ENGINEER_ASSIGNED))
    locks.enter_context(_locked(settings, contexts.MANAGEMENT_CENTER))
    async with asyncio.TaskGroup() as group:
        for journey in ordered:
            group.create_task(_reach(everybody, journey, journey.begin, OrderStatus.JOIN_ORDERED))
    return [*assigned, *ordered]


@contextmanager
def _locked(settings: Settings, context: str) -> Iterator[None]:
    """Lock a context's database against every other writer."""
    file = settings.data_dir / f"{context}.db"
    with closing(sqlite3.connect(file, timeout=_LOCKED_WITHIN, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


async def _reach(
    everybody: People, journey: Journey, step: Callable[[People], Awaitable[object]], status: OrderStatus
) -> None:
    """Take a step of a journey, and wait until its order has been in the status."""

    async def reached() -> bool:
        return status in await _status_and_event(everybody, journey)

    await step(everybody)
    await soon(reached, within=journey.within, every=0.2, what=f"{journey.key} {status}")


async def _status_and_event(everybody: People, journey: Journey) -> set[str]:
    """Return the order's status and its newest event."""
    order = (await look(everybody.api, journey.order_id)).order
    return {order["status"], order["history"][-1]["event"]} if order else set()


async def _side_by_side(theirs: Checkout, drill: Drill, seen: Seen, options: Options) -> None:
    async with stack.running("temporal", "migration", environment=_RETRIES, checkout=theirs) as before:
        now = before.of(OURS)
        worker_before = await _release(before, _BEFORE)
        async with AsyncExitStack() as open_doors:
            door = await _door(before, "api-before", open_doors)
            await door.hire(_engineers(options))
            first, second, third = (_left(f"beside-{number}", options, number) for number in range(3))
            await Stage("both of before", _BEFORE, _BEFORE, beginning=first).go_through(Doors(door), seen)
            await now.migrate()
            new_door = await _door(now, "api-now", open_doors)
            new_door.accounts = door.accounts
            stage = Stage("the new API first", _NOW, _BEFORE, ending=first, beginning=second, sieged=not options.quick)
            await stage.go_through(Doors(new_door, [door]), seen)
            worker_now = await _release(now, _NOW, unpatched=options.plant == "unpatched")
            await note_failures(seen, worker_before)
            await before.stop(f"worker-{_BEFORE}")
            if options.plant == "new-status":
                _give_new_status(before.settings, first)
            stage = Stage("the new workers first", _BEFORE, _NOW, ending=second, beginning=third, sieged=stage.sieged)
            await stage.go_through(Doors(door, [new_door]), seen)
            await note_answers(seen, f"{door.api.base_url}".rstrip("/"))
            await before.stop("api-before")
            if not options.plant:
                await Stage("both new", _NOW, _NOW, ending=third).go_through(Doors(new_door), seen)
                await _settle(new_door, drill, seen, [*first, *second, *third])
            await note_answers(seen, f"{new_door.api.base_url}".rstrip("/"))
            await note_failures(seen, worker_now)
            seen.failed += await failed_tasks(before.client)


async def _door(running: Stack, name: str, open_doors: AsyncExitStack) -> People:
    host, port = await running.add_api(name)
    return await open_doors.enter_async_context(people(url(host, port)))


async def _release(running: Stack, build: str, *, unpatched: bool = False) -> Mapping[str, str]:
    """Start a worker of a build and make the build current. Returns its name and address."""
    version = {"WORKER_DEPLOYMENT_NAME": "upgrade", "WORKER_BUILD_ID": build}
    name = f"worker-{build}"
    if unpatched:
        address = url(running.settings.worker_host, port := free_port())
        command = (sys.executable, "-m", "drills.unpatched")
        ready = partial(answers, f"{address}/health/ready")
        await running.add_program(name, command, ready, WORKER_PORT=str(port), **version)
    else:
        address = url(*await running.add_worker(name, **version))
    settings = running.settings.model_copy(update={key.lower(): value for key, value in version.items()})
    async with asyncio.timeout(_RELEASED_WITHIN):
        served = [context for context in contexts.ALL if build != _BEFORE or context not in _ADDED]
        await Release(running.client, settings, served).take_over()
    return {name: address}


def _left(stage: str, options: Options, number: int = 0) -> list[Journey]:
    """Make the orders of a stage. In the quick form, each stage has a part of them."""
    if options.plant:
        return journeys(stage, within=_PLANTED_WITHIN)[number::_PARTS_PLANTED]
    return journeys(stage)[number::_PARTS_QUICK] if options.quick else journeys(stage, times=_TIMES)


def _give_new_status(settings: Settings, traveled: Sequence[Journey]) -> None:
    """Give an unknown status to an order that has ended, in the managers' view."""
    with closing(sqlite3.connect(settings.data_dir / f"{contexts.ORDER_STATUS}.db", timeout=_LOCKED_WITHIN)) as view:
        view.execute("UPDATE order_status SET status = 'ON_HOLD' WHERE order_id = ?", (traveled[0].order_id,))
        view.commit()


async def _settle(everybody: People, drill: Drill, seen: Seen, traveled: Sequence[Journey]) -> None:
    """Settle the accounts, and count the statuses that the orders ended in."""
    found = await everybody.accounts.settle(everybody.api, drill, within=_SETTLED_WITHIN, patience=_PATIENCE)
    for journey in traveled:
        order = found.get(journey.order_id)
        as_meant = order is not None and order.status is journey.ends
        seen.ends[journey.ends if as_meant else _OTHER] += 1


def _engineers(options: Options) -> int:
    return 40 if options.quick else 200
