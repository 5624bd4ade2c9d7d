"""Cost of an order that is placed, accepted and completed: what Temporal bills, writes, and stores as its history."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench import read_model, shards
from bench.completing import IN_MOTION
from bench.load import Load, RequestFeed
from bench.orders import ByClient
from bench.report import Aim, Measurement, Row
from domain.orders import workflow_id
from harness import stack

_LIMITS = {"activities": 8, "workflow tasks": 10, "events": 66, "actions": 16}
REST = 0.2
"""Seconds before each act of the engineer in an undisturbed order: all earlier steps are done by then."""


async def measure(*, quick: bool) -> Measurement:
    """Measure the median order under load, and the median of orders that run one after the other."""
    count = 10 if quick else 100
    async with (
        stack.running("temporal", "migration", "worker") as running,
        read_model.opened(running.settings) as store,
    ):
        way, feed = ByClient(running.client), RequestFeed(read_model.Requests(store).look)
        found = Measurement(f"Cost of an order, the median of {count}")
        for name, in_motion, rest in (("under load", IN_MOTION, 0.0), ("undisturbed", 1, REST)):
            before = await asyncio.to_thread(shards.writes, running)
            orders = await Load(running.client, way, feed, in_motion).carry_through_many(count, rest=rest)
            written = await asyncio.to_thread(shards.writes, running) - before
            row = await median_of(running.client, orders)
            found.rows.append({"order": name, **row, "shard writes": written / len(orders)})
    for name, limit in _LIMITS.items():
        found.aims += [Aim(f"{name} {row['order']}", float(row[name]), limit) for row in found.rows]
    return found


async def median_of(client: Client, orders: Sequence[str]) -> Row:
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
