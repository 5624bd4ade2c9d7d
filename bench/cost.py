"""Cost of an order that is placed, accepted and completed over HTTP.

It is what Temporal bills and writes, what it stores as the history, the CPU time of each process, and how often the
order's workflow enters its sandbox.
"""

import asyncio
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.worker import Replayer

from bench import machine, read_model, shards
from bench.completing import IN_MOTION
from bench.load import Load, RequestFeed
from bench.orders import OverHttp
from bench.report import Aim, Measurement, Row
from domain.orders import workflow_id
from harness import sandbox_entries, stack
from harness.http_client import connections
from harness.stack import Stack
from runtime.payload_codec import worker_converter
from workflows.common.message_guard import MessageGuard
from workflows.common.runner import sandbox
from workflows.orders.subscription import SubscriptionWorkflow

UNDER_LOAD, UNDISTURBED = "under load", "undisturbed"
LIMITS = {"activities": 8, "workflow tasks": 10, "events": 66, "actions": 16, "sandbox entries": 11}
"""Bounds of the aims. The sandbox is entered for each workflow task, and to give the workflow up at its end."""
_PROCESSES = ("temporal", "worker", "api")
_REST = 0.2
"""Seconds before each act of the engineer in an undisturbed order: all earlier steps are done by then."""
WAYS = ((UNDER_LOAD, IN_MOTION, 0.0), (UNDISTURBED, 1, _REST))
"""How orders run: orders in motion, and the pause before each act of the engineer."""
_REPLAYED = 10


async def measure(*, quick: bool) -> Measurement:
    """Measure the median order under load, and the median of orders that run one after the other."""
    count = 10 if quick else 100
    async with (
        stack.running("temporal", "migration", "worker", "api") as running,
        read_model.opened(running.settings) as store,
        connections(running.api, IN_MOTION) as opened,
    ):
        way, feed = OverHttp(list(opened)), RequestFeed(read_model.Requests(store).look)
        # The first orders are not measured: they load and compile code, and fill caches.
        await Load(running.client, way, feed, IN_MOTION).carry_through_many(count)
        found = Measurement(f"Cost of an order, the median of {count}")
        for name, in_motion, rest in WAYS:
            orders, row = await of_orders(running, Load(running.client, way, feed, in_motion), count, rest)
            entries = await _sandbox_entries(running.client, orders[:_REPLAYED])
            found.rows.append({"order": name, **row, "sandbox entries": entries})
    for name, limit in LIMITS.items():
        found.aims += [Aim(f"{name} {row['order']}", float(row[name]), limit) for row in found.rows]
    return found


async def of_orders(running: Stack, load: Load, count: int, rest: float) -> tuple[Sequence[str], Row]:
    """Carry some orders through. Returns them, and the cost of one: the median, or the mean of what is not counted."""
    pids = {kind: running.pids(kind) for kind in _PROCESSES}
    written = await asyncio.to_thread(shards.writes, running)
    used = {kind: machine.cpu_seconds(each) for kind, each in pids.items()}
    orders = await load.carry_through_many(count, rest=rest)
    used = {kind: machine.cpu_seconds(each) - used[kind] for kind, each in pids.items()}
    written = await asyncio.to_thread(shards.writes, running) - written
    return orders, {
        **await _median_of(running.client, orders),
        "shard writes": written / len(orders),
        **{f"{kind} CPU ms": 1000 * seconds / len(orders) for kind, seconds in used.items()},
    }


async def _median_of(client: Client, orders: Sequence[str]) -> Row:
    """Return the median cost of some orders, from their histories."""
    costs = [await _cost(client, order_id) for order_id in orders]
    return {name: statistics.median(cost[name] for cost in costs) for name in costs[0]}


async def _cost(client: Client, order_id: str) -> Mapping[str, int]:
    handle = client.get_workflow_handle(workflow_id(order_id))
    description = await handle.describe()
    history = await handle.fetch_history()
    happened = Counter(event.event_type for event in history.events)
    activities = happened[EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
    updates = happened[EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED]
    timers = happened[EventType.EVENT_TYPE_TIMER_STARTED]
    upserts = happened[EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES]
    return {
        "activities": activities,
        "workflow tasks": happened[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED],
        "events": len(history.events),
        "updates": updates,
        "timers": timers,
        "upserts": upserts,
        "actions": 1 + activities + updates + timers + upserts,
        "bytes": description.raw_description.workflow_execution_info.history_size_bytes,
    }


async def _sandbox_entries(client: Client, orders: Sequence[str]) -> float:
    """Return how often the median order enters its sandbox in a replay of its history."""
    replayer = Replayer(
        workflows=[SubscriptionWorkflow],
        workflow_runner=sandbox(),
        interceptors=[MessageGuard()],
        data_converter=worker_converter(client.data_converter),
    )
    counts = []
    for order_id in orders:
        history = await client.get_workflow_handle(workflow_id(order_id)).fetch_history()
        with sandbox_entries.counted() as entries:
            await replayer.replay_workflow(history)
        counts.append(entries.total())
    return statistics.median(counts)
