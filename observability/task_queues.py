"""What the Temporal server says of a task queue."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

POLLED_WITHIN = 90.0
"""Seconds up to which a poller counts. A poll takes up to a minute."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class QueueState:
    """A task queue at one moment. The server measures its backlog only now and then: by default, every 5 seconds."""

    backlog: int
    """The number of tasks that wait for a worker."""
    age: float
    """Seconds for which the oldest of them has waited."""
    polled: tuple[float, ...]
    """For each worker, how many seconds ago it has begun its last poll. The server forgets one after five minutes."""

    def pollers(self, within: float) -> int:
        """Return the number of workers that have polled within so many seconds."""
        return sum(ago < within for ago in self.polled)


async def describe(client: Client, queue: str, kind: TaskQueueType.ValueType, *, within: timedelta) -> QueueState:
    """Ask the server.

    Args:
        client: A client of the queue's namespace.
        queue: The name of the queue.
        kind: Whether its workflow tasks or its activity tasks are meant.
        within: The deadline, for the connection, too: the SDK itself waits for that half a minute.

    Raises:
        RPCError, RuntimeError, TimeoutError: the server does not answer in time.
    """
    async with asyncio.timeout(within.total_seconds()):
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
            ),
            timeout=within,
        )
    now = datetime.now(UTC)
    return QueueState(
        answer.stats.approximate_backlog_count,
        answer.stats.approximate_backlog_age.ToTimedelta().total_seconds(),
        tuple((now - poller.last_access_time.ToDatetime(UTC)).total_seconds() for poller in answer.pollers),
    )


async def check_polled(look: Callable[[], Awaitable[QueueState]]) -> None:
    """Check that a worker polls a queue. While the server does not tell, nothing is known, and the check passes.

    Args:
        look: Asks for the state of the queue, within a deadline of its own.

    Raises:
        ConnectionError: no worker does.
    """
    try:
        state = await look()
    except (RPCError, RuntimeError, TimeoutError) as error:
        _log.debug("the pollers of a queue are not known", error=type(error).__qualname__)
        return
    if not state.pollers(POLLED_WITHIN):
        raise ConnectionError("no worker polls the queue")
