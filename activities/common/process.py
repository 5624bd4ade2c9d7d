"""Worker process from start to end: databases, health, workers, and background tasks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker, WorkflowRunner

from activities.common.serving import Part, Resources
from domain.common import contexts
from observability.health import Health, serve_health
from observability.telemetry import SILENT, Telemetry
from runtime.payload_codec import ENCRYPTED, REFUSALS
from runtime.settings import Settings
from runtime.temporal_client import check
from runtime.worker_process import build_worker, connect_when_up, stop_signaled
from stores.common.database import Database
from stores.common.revisions import Schema

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Work:
    """What worker processes run, by context, and how they run workflows."""

    workflows: Mapping[str, Sequence[type]]
    parts: Mapping[str, Callable[[Resources], Part]]
    runner: WorkflowRunner
    interceptors: Callable[[Settings], Sequence[Interceptor]]

    def worker(self, client: Client, settings: Settings, context: str, part: Part | None) -> Worker:
        """Build the worker of a context, with its part if it has activities."""
        return build_worker(
            client,
            settings,
            context,
            workflows=self.workflows.get(context, ()),
            activities=part.activities if part else (),
            runner=self.runner,
            interceptors=self.interceptors(settings),
        )


async def serve(
    settings: Settings,
    served: Sequence[str],
    work: Work,
    stop: asyncio.Event | None = None,
    telemetry: Telemetry = SILENT,
) -> None:
    """Serve contexts until `stop` is set (default: until SIGINT or SIGTERM), then finish the work in progress."""
    stop = stop or stop_signaled()
    health = Health(sdk=telemetry.sdk)
    health.registry.register(ENCRYPTED)
    health.registry.register(REFUSALS)
    async with AsyncExitStack() as opened:
        databases = {}
        for context in filter(contexts.STORES.__contains__, served):
            database = databases[context] = Database(settings.database_url(context), name=context)
            opened.push_async_callback(database.dispose)
            health.add_store(context, Schema(context, database).check, database.refusing)
        await opened.enter_async_context(serve_health(health, settings.worker_host, settings.worker_port))
        client = await connect_when_up(settings, served, stop, telemetry.interceptors)
        if client is None:
            return
        health.checks["temporal"] = partial(check, client)
        parts = {
            context: work.parts[context](Resources(database, client, settings, health.registry))
            for context, database in databases.items()
        }
        workers = [work.worker(client, settings, context, parts.get(context)) for context in served]
        async with asyncio.TaskGroup() as running:
            for worker in workers:
                running.create_task(worker.run())
            for part in parts.values():
                if part.background is not None:
                    running.create_task(part.background(stop))
            health.ready()
            _log.info("worker ready", contexts=list(served), temporal=settings.server_address)
            await stop.wait()
            health.stopping()
            for worker in workers:
                running.create_task(worker.shutdown())
