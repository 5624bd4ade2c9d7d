"""What the Temporal server says of a task queue."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client


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
        within: The deadline of the call.

    Raises:
        RPCError, RuntimeError: the server does not answer.
    """
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
