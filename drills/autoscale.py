"""Drill: worker processes are started and stopped by the backlog of their queues, as KEDA does in a cluster.

The backlog is read as KEDA's Temporal scaler reads it: from `DescribeTaskQueue`, for workflow and activity tasks of a
queue together. As in the autoscaler of Kubernetes, there is a target number of waiting tasks for each worker. More
workers are started at once, and one is stopped when fewer have been sufficient for a while.
"""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import timedelta
from time import perf_counter

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from domain.common import contexts
from domain.orders import OrderStatus
from drills.drill import Drill, Options, Row
from drills.people import order, people
from harness.stack import Stack, running
from harness.waiting import last_look

FAULTS = {"blind": "the autoscaler looks at queues that nobody uses"}
_FEWEST, _MOST = 1, 4
_SLOTS = {"MAX_CONCURRENT_ACTIVITIES": "2", "MAX_CONCURRENT_WORKFLOW_TASKS": "2"}
"""Slots of each worker and queue, so few that some orders already overload one worker."""
_TASKS_EACH = 10
"""Target number of waiting tasks for each worker."""
_LOOK_EVERY = 0.5
_KINDS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
_DEADLINE = timedelta(seconds=5)
_WORKED_OFF_WITHIN = 600.0
_RESTS_WITHIN = 300.0


@dataclass
class Autoscaler:
    """Keeps as many workers as the backlog requires."""

    stack: Stack
    queues: tuple[str, ...]
    calm: float
    """Seconds for which fewer workers have to be sufficient before one is stopped."""
    workers: int = 0
    rows: list[Row] = field(default_factory=list)
    """A row for each change."""
    _began: float = field(default_factory=perf_counter)

    async def run(self) -> None:
        """Adapt the number of workers to the backlog, until canceled."""
        calm_since = perf_counter()
        while True:
            backlog = max(await asyncio.gather(*(backlog_of(self.stack.client, queue) for queue in self.queues)))
            target = min(max(math.ceil(backlog / _TASKS_EACH), _FEWEST), _MOST)
            if target >= self.workers:
                calm_since = perf_counter()
            if target > self.workers:
                await self.start(target, backlog)
            elif perf_counter() - calm_since > self.calm:
                await self._stop_one(backlog)
                calm_since = perf_counter()
            await asyncio.sleep(_LOOK_EVERY)

    async def start(self, target: int, backlog: int = 0) -> None:
        """Start workers up to the target number."""
        new = [f"worker-{number}" for number in range(self.workers, target)]
        await asyncio.gather(*(self.stack.add_worker(name, **_SLOTS) for name in new))
        self._note(backlog, target)

    async def _stop_one(self, backlog: int) -> None:
        await self.stack.stop(f"worker-{self.workers - 1}")
        self._note(backlog, self.workers - 1)

    def _note(self, backlog: int, workers: int) -> None:
        self.workers = workers
        self.rows.append({"after s": perf_counter() - self._began, "backlog": backlog, "workers": workers})


async def backlog_of(client: Client, queue: str) -> int:
    """Return the number of tasks that wait in a context's queue."""
    requests = [
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
        )
        for kind in _KINDS
    ]
    service = client.workflow_service
    answers = await asyncio.gather(*(service.describe_task_queue(each, timeout=_DEADLINE) for each in requests))
    return sum(answer.stats.approximate_backlog_count for answer in answers)


async def run(options: Options) -> Drill:
    """Overload one worker, and check what happens."""
    orders, calm = (80, 2.0) if options.quick else (800, 15.0)
    queues = tuple(f"{name}-unused" for name in contexts.ALL) if options.plant == "blind" else contexts.ALL
    drill = Drill("As many workers as the backlog wants")
    async with running("temporal", "migration", "api") as stack, people(stack.url) as everybody:
        autoscaler = Autoscaler(stack, queues, calm)
        await autoscaler.start(_FEWEST)
        scaling = asyncio.create_task(autoscaler.run())
        try:
            await order(everybody, (f"order-{number}" for number in range(orders)))
            await everybody.until_none_left(within=_WORKED_OFF_WITHIN)
            await _rest(autoscaler, scaling)
        finally:
            scaling.cancel()
            await asyncio.wait((scaling,))
        found = await everybody.accounts.settle(everybody.api, drill, within=_WORKED_OFF_WITHIN)
    done = sum(seen.status == OrderStatus.INSTALLATION_REQUESTED for seen in found.values())
    drill.check(f"{done} of {orders} orders were worked off", done == orders)
    judge(drill, autoscaler.rows)
    return drill


async def _rest(autoscaler: Autoscaler, scaling: asyncio.Task[None]) -> None:
    """Wait until the minimum number of workers is left. `judge` says whether it is."""

    async def done() -> bool:
        if scaling.done():
            await scaling
        return autoscaler.workers == _FEWEST

    await last_look(done, within=_RESTS_WITHIN)


def judge(drill: Drill, rows: list[Row]) -> None:
    """Check that there were more workers when there was more to do, and always at least one."""
    drill.rows += rows
    workers = [int(row["workers"] or 0) for row in rows]
    most = max(workers, default=0)
    drill.check(f"there were up to {most} workers", most > _FEWEST)
    drill.check(f"in the end there was {_FEWEST}", workers[-1:] == [_FEWEST])
    drill.check("there was always one", bool(workers) and min(workers) >= _FEWEST)
