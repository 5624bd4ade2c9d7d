"""Drill: a backup is taken under load; then everything is lost and restored.

Orders that were acknowledged before the backup began are restored, and continue to their end. Later orders may be
lost. The drill reports how many, and checks that a lost order leaves nothing behind. A consumer of events, which is not
restored, has every event of the orders that are there, and new events have numbers above all that it knows.
"""

import asyncio
import shutil
import sys
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import count
from pathlib import Path
from random import Random
from time import perf_counter

from sqlalchemy import delete, func, select, update
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.common import contexts
from domain.installation import InstallationStatus
from domain.order_status.reconciliation import WORKFLOW_TYPE, Reconciled, Reconciliation, Repair
from domain.orders import OrderStatus, workflow_id
from drills.accounts import Accounts, Act, Document, Seen, look
from drills.consumers import Subscriber, subscribed
from drills.deliveries import account
from drills.drill import Drill, Options
from drills.outage import environment, patience
from drills.people import People, insist, people
from harness import stack
from harness.waiting import PATIENCE, last_look
from runtime.settings import Settings
from stores.common.database import Database
from stores.event_delivery.tables import EVENT, EVENT_POSITION
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER

FAULTS = {
    "installations-lost": "the installation context's rows are not put back",
    "reused": "new events get numbers that were used after the backup",
}
_CUSTOMERS = 6
_ACTS_OR_ENDED = {
    OrderStatus.INSTALLATION_REQUESTED,
    OrderStatus.INSTALLATION_ACCEPTED,
    OrderStatus.JOIN_COMPLETED,
    OrderStatus.ORDER_CANCELED,
}
"""Statuses in which an engineer can act, and those of the end."""


@dataclass
class Taken:
    """The accounts at the start of the backup, and its duration in seconds."""

    before: Accounts
    seconds: float


async def run(options: Options) -> Drill:
    """Start the service, use it, lose it, and restore it."""
    drill = Drill("A backup under load, the loss of everything, and the restore")
    seconds, chance = (2.0 if options.quick else 20.0), Random(options.seed)  # noqa: S311 - nothing secret
    with tempfile.TemporaryDirectory(prefix="backup-") as directory:
        parts = ("temporal", "migration", "worker", "api")
        async with (
            stack.running(*parts, environment=environment(options), engineers=options.engineers) as running,
            people(running.url) as crowd,
            subscribed(running, crowd.api, "billing") as [billing],
        ):
            backup = Path(directory) / "copy"
            taken = await _under_load(crowd, seconds, chance, backup)
            for part in ("api", "worker", "temporal"):
                await running.kill(part)
            _wipe(running.settings.data_dir)
            requests = len(billing.ledger.requests())
            began = perf_counter()
            await _program("ops.backup", "restore", str(backup))
            if options.plant == "installations-lost":
                await _lose_installations(running.settings)
            elif options.plant == "reused":
                await _number_as_before(running.settings)
            for part in ("temporal", "worker", "api"):
                await running.start(part)
            restored = perf_counter() - began
            ended = await _reconcile(running)
            await _judge(drill, running, crowd, taken, ended, options)
            await account(drill, [billing], again=None, restored=True)
            _judge_numbers(drill, billing, requests)
            drill.rows.append({"": "seconds of the backup, under load", "orders": taken.seconds})
            drill.rows.append({"": "seconds from an empty directory until all is ready", "orders": restored})
    return drill


async def _under_load(crowd: People, seconds: float, chance: Random, backup: Path) -> Taken:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as load:
        for number in range(_CUSTOMERS):
            load.create_task(_use(crowd, f"customer-{number}", chance, stop))
        await asyncio.sleep(seconds)
        before, began = deepcopy(crowd.accounts), perf_counter()
        await _program("ops.backup", "take", str(backup))
        taken = Taken(before, perf_counter() - began)
        await asyncio.sleep(seconds / 4)
        stop.set()
    return taken


async def _use(crowd: People, name: str, chance: Random, stop: asyncio.Event) -> None:
    """Place one order after another. They get to different statuses."""
    for number in count():
        if stop.is_set():
            return
        key = f"{name}-{number}"
        await crowd.place(key)
        if (order_id := crowd.accounts.by_key.get(key)) is None:
            continue
        way = chance.choice(("placed", "canceled", "accepted", "completed"))
        if way == "canceled":
            await insist(partial(crowd.cancel, order_id))
        elif way != "placed":
            await crowd.until(order_id, OrderStatus.INSTALLATION_REQUESTED)
            await insist(partial(crowd.accept, order_id))
            if way == "completed":
                await insist(partial(crowd.complete, order_id))


async def _program(*command: str) -> None:
    """Run a program as `make` does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, cwd=Path(__file__).parents[1], stdout=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(PATIENCE):
        if status := await process.wait():
            raise stack.StackFailure(f"{command[0]} ended with exit status {status}")


def _wipe(data_dir: Path) -> None:
    for path in data_dir.iterdir():
        if path.name != "log":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


async def _lose_installations(settings: Settings) -> None:
    database = Database(settings.database_url(contexts.INSTALLATION))
    async with database.writing() as connection:
        for table in (INSTALLATION, INSTALLATION_ORDER):
            await connection.execute(delete(table))
    await database.dispose()


async def _number_as_before(settings: Settings) -> None:
    database = Database(settings.database_url(contexts.EVENT_DELIVERY))
    async with database.writing() as connection:
        last = select(func.max(EVENT.c.sequence)).scalar_subquery()
        await connection.execute(update(EVENT_POSITION).values(sequence=last))
    await database.dispose()


async def _reconcile(running: stack.Stack) -> int:
    """Do what an operator does after a restore. Returns how many lost orders had left data behind and were ended."""
    await _program("ops.rebuild_view")
    done: Reconciled = await running.client.execute_workflow(
        WORKFLOW_TYPE,
        Reconciliation(quiet_for=0, end_lost=True),
        id="reconciliation-after-restore",
        task_queue=contexts.ORDER_STATUS,
        result_type=Reconciled,
        execution_timeout=timedelta(seconds=PATIENCE),
    )
    return done.repaired.get(Repair.ENDED, 0)


async def _judge(drill: Drill, running: stack.Stack, crowd: People, taken: Taken, ended: int, options: Options) -> None:
    """Bring all restored orders to their end, and check what happened to the later ones."""
    promised, orders = taken.before, len(taken.before.acknowledged)
    later = crowd.accounts.acknowledged.keys() - promised.acknowledged.keys()
    kept = [order_id for order_id in later if await _is_carried(running.client, order_id)]
    gone = [await look(crowd.api, order_id) for order_id in later.difference(kept)]
    drill.rows.append({"": "acknowledged before the backup began", "orders": orders})
    drill.rows.append({"": "acknowledged after that, and there", "orders": len(kept)})
    drill.rows.append({"": "acknowledged after that, and gone", "orders": len(gone)})
    drill.rows.append({"": "left behind by orders that are gone, and ended", "orders": ended})
    drill.check("none that is gone has an installation", not any(map(_lives, gone)))
    promised.requested = crowd.accounts.requested
    for order_id in kept:
        # The order is restored, but later acts may be lost.
        promised.note(order_id, Act.PLACED)
    crowd.accounts = promised
    async with asyncio.TaskGroup() as engineers:
        for order_id in list(promised.acknowledged):
            engineers.create_task(_bring_to_its_end(crowd, order_id))
    found = await promised.settle(crowd.api, drill, within=PATIENCE, patience=patience(options))
    ends = sum(seen.status is not None and seen.status.final for seen in found.values())
    drill.check(f"{ends} of {len(found)} orders have come to their end", 0 < ends == len(found))


def _judge_numbers(drill: Drill, consumer: Subscriber, before: int) -> None:
    """Check the numbers of the events that a consumer did not know before it was sent so many requests."""
    requests = consumer.ledger.requests()
    known = {request.event_id for request in requests[:before]}
    last = max((request.sequence for request in requests[:before]), default="")
    new = {request.event_id: request.sequence for request in requests[before:] if request.event_id not in known}
    above = sum(sequence > last for sequence in new.values())
    drill.rows.append({"": "events that were sent after the restore for the first time", "orders": len(new)})
    drill.check(f"{above} of {len(new)} new events have numbers above all before", 0 < above == len(new))


async def _is_carried(client: Client, order_id: str) -> bool:
    """Whether Temporal knows the order. If not, the view may still show its earlier state."""
    try:
        await client.get_workflow_handle(workflow_id(order_id)).describe(rpc_timeout=timedelta(seconds=5))
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _lives(seen: Seen) -> bool:
    return bool(seen.installation) and InstallationStatus(seen.installation["status"]).open


async def _bring_to_its_end(crowd: People, order_id: str) -> None:
    """Accept and complete an order as its engineer, as soon as it is requested."""

    async def acts_or_ended() -> Document | None:
        row = await crowd.row(order_id)
        return row if row.get("status") in _ACTS_OR_ENDED else None

    row = await last_look(acts_or_ended)
    if row is None or OrderStatus(row["status"]).final:
        return
    if await insist(partial(crowd.accept, order_id)) == HTTPStatus.CONFLICT:
        # The order was canceled after Temporal's copy was made, but its installation is canceled: repeat the cancel.
        await insist(partial(crowd.cancel, order_id))
    else:
        await insist(partial(crowd.complete, order_id))
