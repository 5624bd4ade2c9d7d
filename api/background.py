"""The tasks that run beside the requests, as long as the app runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from api.audit.access_log import AccessLog
from api.audit.retention import AccessLogRetention
from api.audit.trail import AuditTrail
from api.dependencies import Services
from api.event_delivery.delivery_trigger import DeliveryTrigger
from api.event_delivery.log_watch import LogWatch
from api.management_center.retirement import RetiredEngineers
from api.order_status.change_stream import ChangeStream
from api.orders.backlog_watch import BacklogWatch
from api.orders.initial_projection import InitialProjection
from runtime.dispatch_watch import DispatchWatch

_AGAIN_AFTER = 1.0
"""Seconds before a task that has failed is started again."""

_log = structlog.get_logger(__name__)


class Task(Protocol):
    """A task that ends by itself after it is told to stop."""

    async def run(self) -> None:
        """Work until stopped."""

    def stop(self) -> None:
        """Let `run` end."""


_TASKS: Sequence[type[Task]] = (
    InitialProjection,
    BacklogWatch,
    AuditTrail,
    AccessLog,
    AccessLogRetention,
    DispatchWatch,
    DeliveryTrigger,
    RetiredEngineers,
)


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Run the tasks of the services. At the end, tell them to stop, and wait for them."""
    tasks = [services.get(kind) for kind in _TASKS]
    watches = services.get(ChangeStream), services.get(LogWatch)
    work = [*(watch.run for watch in watches), *(task.run for task in tasks)]
    background = [asyncio.create_task(_keep_running(each)) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.stop()
        for watch in watches:
            await watch.stop()
        await asyncio.gather(*background, return_exceptions=True)


async def _keep_running(work: Callable[[], Awaitable[None]]) -> None:
    """Run a task to its end, and start it again after an unexpected error."""
    while True:
        try:
            return await work()
        except Exception:  # noqa: BLE001 - nothing else would report it
            _log.exception("a background task failed and is started again")
            await asyncio.sleep(_AGAIN_AFTER)
