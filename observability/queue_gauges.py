"""Gauges of the contexts' task queues: backlog, its age, and pollers."""

import asyncio
from datetime import timedelta

from prometheus_client import CollectorRegistry, Gauge
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import Client
from temporalio.service import RPCError

from domain.common import contexts
from observability import task_queues

_WITHIN = timedelta(seconds=2)
_LABELS = ("queue", "type")
_QUEUES = [
    (context.name, kind, type_)
    for context in contexts.RECORDS
    for kind, type_, served in (
        ("workflow", TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, context.workflows),
        ("activity", TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, context.activities),
    )
    if served
]


class QueueGauges:
    """Gauges that are set from the Temporal server's answers."""

    def __init__(self, client: Client, registry: CollectorRegistry) -> None:
        self._client = client
        self._backlog = Gauge(
            "task_queue_backlog", "Tasks in the queue that wait for a worker", _LABELS, registry=registry
        )
        self._age = Gauge(
            "task_queue_backlog_age_seconds", "Age of the oldest task in the queue", _LABELS, registry=registry
        )
        self._pollers = Gauge(
            "task_queue_pollers", "Workers that polled the queue within the last 90 seconds", _LABELS, registry=registry
        )

    async def measure(self) -> None:
        """
        Raises:
            ConnectionError, RuntimeError, TimeoutError: the server does not answer in time.
        """
        try:
            async with asyncio.timeout(_WITHIN.total_seconds()):
                await asyncio.gather(*[self._measure(*queue) for queue in _QUEUES])
        except RPCError as error:
            raise ConnectionError(str(error)) from error

    def forget(self) -> None:
        """Clear all gauges."""
        for gauge in (self._backlog, self._age, self._pollers):
            gauge.clear()

    async def _measure(self, queue: str, kind: str, type_: TaskQueueType.ValueType) -> None:
        state = await task_queues.describe(self._client, queue, type_, within=_WITHIN)
        self._backlog.labels(queue, kind).set(state.backlog)
        self._age.labels(queue, kind).set(state.age)
        self._pollers.labels(queue, kind).set(state.pollers(task_queues.POLLED_WITHIN))
