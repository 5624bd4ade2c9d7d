"""Construction of workers, and the connection of a worker process to Temporal."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, Interceptor
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Interceptor as WorkerInterceptor
from temporalio.worker import Worker, WorkerDeploymentConfig, WorkflowRunner

from domain.common import contexts
from runtime.payload_codec import for_worker
from runtime.schedules import schedule_reconciliation
from runtime.settings import Settings
from runtime.temporal_client import connect, keep_closed_workflows, register_search_attributes

_STICKY_FOR = timedelta(seconds=2)
"""How long a workflow stalls after its worker was killed, until another worker takes it over."""
_BETWEEN_CONNECTS = 1.0
_OTHER_ACTIVITIES = 20
"""Activities at once on the queue of event delivery, beside those of the subscriptions."""

_log = structlog.get_logger(__name__)


def build_worker(
    client: Client,
    settings: Settings,
    context: str,
    *,
    workflows: Sequence[type],
    activities: Sequence[Callable[..., Any]],
    runner: WorkflowRunner,
    interceptors: Sequence[WorkerInterceptor],
) -> Worker:
    """Build the worker of one context. The workers of all contexts have the same settings."""
    return Worker(
        for_worker(client),
        task_queue=context,
        workflows=workflows,
        activities=activities,
        workflow_runner=runner,
        interceptors=interceptors,
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_concurrent_activities=_slots(settings, context),
        sticky_queue_schedule_to_start_timeout=_STICKY_FOR,
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
        deployment_config=_deployment(settings, context),
        # There is no store of large payloads. With more than one, the SDK looks at each payload in a task of its own.
        max_workflow_task_external_storage_concurrency=1,
    )


def _slots(settings: Settings, context: str) -> int:
    """Return how many activities run at once.

    Each subscription to events occupies one, nearly all the time, and may be pinged at the same time.
    """
    if context != contexts.EVENT_DELIVERY:
        return settings.max_concurrent_activities
    return max(settings.max_concurrent_activities, 2 * settings.max_event_subscriptions + _OTHER_ACTIVITIES)


def _deployment(settings: Settings, context: str) -> WorkerDeploymentConfig | None:
    # A versioning behavior without a deployment version would fail every workflow task.
    if settings.worker_build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name(context), settings.worker_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def connect_when_up(
    settings: Settings, served: Sequence[str], stop: asyncio.Event, interceptors: Sequence[Interceptor]
) -> Client | None:
    """Connect as soon as the server answers, and prepare the server. Returns `None` if `stop` is set before that."""
    while not stop.is_set():
        try:
            client = await connect(settings, interceptors=interceptors)
            await register_search_attributes(client)
            if settings.temporal_address is None:
                await keep_closed_workflows(client, timedelta(seconds=settings.temporal_retention))
            if contexts.ORDER_STATUS in served:
                await schedule_reconciliation(client, settings)
        except (RuntimeError, RPCError) as error:
            _log.warning("Temporal is not reachable yet", temporal=settings.server_address, error=str(error))
            await asyncio.sleep(_BETWEEN_CONNECTS)
        else:
            return client
    return None


def stop_signaled() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    return stop
