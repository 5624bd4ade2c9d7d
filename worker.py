"""A worker process: carries the orders' saga, or other contexts' parts in it, or (as it comes) all of them.

`python worker.py [--context NAME]…`
"""

import argparse
import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
import uvloop
from prometheus_client import CollectorRegistry
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.installation import InstallationActivities, InstallationDetailsActivities
from activities.management_center import DispatchActivities, ManagementCenterActivities
from activities.order_status.erasure import ErasureActivities
from activities.order_status.projection import OrderStatusActivities
from activities.order_status.reconciliation import ReconciliationActivities
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from observability.health import Health, serve_health
from observability.logging_setup import change_level_by_signal, configure_logging
from observability.telemetry import SILENT, Telemetry, telling
from runtime.schedules import schedule_reconciliation
from runtime.settings import Settings
from runtime.temporal_client import (
    call_dispatcher,
    check,
    connect,
    keep_closed_workflows,
    register_search_attributes,
    run_and_end,
)
from stores.common.database import Database
from stores.common.revisions import Schema
from stores.installation.details import InstallationDetailsStore
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.view import OrderStatusStore
from workflows.common.message_guard import TolerantMessages
from workflows.common.runner import sandbox
from workflows.management_center.dispatch import DispatchWorkflow
from workflows.order_status.erasure import ErasureWorkflow
from workflows.order_status.reconciliation import ReconciliationWorkflow
from workflows.orders.subscription import SubscriptionWorkflow

log = structlog.get_logger()

_STICKY_FOR = timedelta(seconds=2)
"""So long an order stalls whose worker was killed, before another takes it over."""
_WORKFLOWS: dict[str, Sequence[type]] = {
    contexts.MANAGEMENT_CENTER: [DispatchWorkflow],
    contexts.ORDER_STATUS: [ReconciliationWorkflow, ErasureWorkflow],
}
"""Those of the supporting contexts themselves."""
_BETWEEN_CONNECTS = 1.0
_BETWEEN_LOOKS = 60.0


def activities_of(
    context: str, database: Database, client: Client, settings: Settings, registry: CollectorRegistry
) -> list[Callable[..., Any]]:
    """What a context does for the saga, on its own database."""
    match context:
        case contexts.MANAGEMENT_CENTER:
            store = ManagementCenterStore(database, settings.booking_rules)
            center = ManagementCenterActivities(store, partial(call_dispatcher, client))
            dispatch = DispatchActivities(store, client)
            return [
                center.assign_engineer,
                center.release_assignment,
                center.close_assignment,
                center.erase,
                dispatch.find_due,
                dispatch.tell_order,
            ]
        case contexts.INSTALLATION:
            installation = InstallationActivities(InstallationStore(database))
            details = InstallationDetailsActivities(InstallationDetailsStore(database))
            return [
                installation.request,
                installation.accept,
                installation.decline,
                installation.start,
                installation.complete,
                installation.incomplete,
                installation.withdraw,
                installation.cancel,
                installation.end,
                installation.erase,
                details.find_lacking,
                details.add_details,
            ]
        case contexts.ORDER_STATUS:
            erasure = ErasureActivities(database, client)
            reconciliation = ReconciliationActivities(database, client, registry, every=settings.reconcile_every)
            return [
                OrderStatusActivities(OrderStatusStore(database)).project_order,
                reconciliation.look,
                reconciliation.end_order,
                reconciliation.find_expired,
                reconciliation.forget,
                reconciliation.finish,
                reconciliation.find_details,
                erasure.find,
                erasure.delete_workflows,
                erasure.erase_view,
            ]
        case _:
            raise ValueError(f"no such context: {context}")


def workflow_worker(client: Client, settings: Settings) -> Worker:
    """Carries the saga."""
    return Worker(
        client,
        task_queue=contexts.ORDERS,
        workflows=[SubscriptionWorkflow],
        workflow_runner=sandbox(),
        interceptors=[TolerantMessages()],
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        sticky_queue_schedule_to_start_timeout=_STICKY_FOR,
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
        deployment_config=_deployment(settings, contexts.ORDERS),
    )


def activity_worker(
    client: Client, settings: Settings, context: str, database: Database, registry: CollectorRegistry
) -> Worker:
    """Does one context's part in it."""
    return Worker(
        client,
        task_queue=context,
        activities=activities_of(context, database, client, settings, registry),
        workflows=_WORKFLOWS.get(context, ()),
        max_concurrent_activities=settings.max_concurrent_activities,
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        workflow_runner=sandbox(),
        interceptors=[TolerantMessages()],
        graceful_shutdown_timeout=timedelta(seconds=settings.graceful_shutdown_seconds),
        deployment_config=_deployment(settings, context),
    )


def _deployment(settings: Settings, context: str) -> WorkerDeploymentConfig | None:
    # A versioning behaviour without a deployment version would fail every workflow task.
    if settings.worker_build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment_name(context), settings.worker_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


async def serve(settings: Settings, served: Sequence[str], stop: asyncio.Event, telemetry: Telemetry = SILENT) -> None:
    """Serve some contexts until `stop` is set, then finish what is in hand."""
    databases = {
        context: Database(settings.database_url(context), name=context)
        for context in served
        if context != contexts.ORDERS
    }
    health = Health(sdk=telemetry.sdk)
    async with AsyncExitStack() as open_things:
        for context, database in databases.items():
            open_things.push_async_callback(database.dispose)
            health.add_store(context, Schema(context, database).check, database.refusing)
        await open_things.enter_async_context(serve_health(health, settings.worker_host, settings.worker_port))
        client = await _connected(settings, served, stop, telemetry)
        if client is None:
            return
        health.checks["temporal"] = partial(check, client)
        workers = [
            activity_worker(client, settings, context, database, health.registry)
            for context, database in databases.items()
        ]
        if contexts.ORDERS in served:
            workers.append(workflow_worker(client, settings))
        async with asyncio.TaskGroup() as running:
            for worker in workers:
                running.create_task(worker.run())
            if contexts.MANAGEMENT_CENTER in databases:
                store = ManagementCenterStore(databases[contexts.MANAGEMENT_CENTER], settings.booking_rules)
                running.create_task(_look_for_due(store, client, stop))
            health.ready()
            log.info("worker ready", contexts=list(served), temporal=settings.server_address)
            await stop.wait()
            health.stopping()
            for worker in workers:
                running.create_task(worker.shutdown())


async def _look_for_due(store: ManagementCenterStore, client: Client, stop: asyncio.Event) -> None:
    """Time makes orders due, too; and whoever made one due may have been killed before calling the dispatcher."""
    while not stop.is_set():
        try:
            if await store.has_due():
                await call_dispatcher(client)
        except (StoreUnavailable, RPCError, RuntimeError, TimeoutError) as error:
            log.warning("orders that are due have to wait", error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _BETWEEN_LOOKS)


async def _connected(
    settings: Settings, served: Sequence[str], stop: asyncio.Event, telemetry: Telemetry
) -> Client | None:
    """A client, once the server answers; None if asked to stop before that."""
    while not stop.is_set():
        try:
            client = await connect(settings, interceptors=telemetry.interceptors)
            await register_search_attributes(client)
            if settings.temporal_address is None:
                await keep_closed_workflows(client, timedelta(seconds=settings.temporal_retention))
            if contexts.ORDER_STATUS in served:
                await schedule_reconciliation(client, settings)
        except (RuntimeError, RPCError) as error:
            log.warning("Temporal does not answer yet", temporal=settings.server_address, error=str(error))
            await asyncio.sleep(_BETWEEN_CONNECTS)
        else:
            return client
    return None


def main() -> None:
    """Run one worker process."""
    parser = argparse.ArgumentParser(description="Serve contexts of the order system from their task queues.")
    parser.add_argument("--context", action="append", choices=contexts.ALL, help="one of several; all by default")
    served = parser.parse_args().context or list(contexts.ALL)
    settings = Settings()
    configure_logging(settings)
    change_level_by_signal(settings)
    with telling(settings, f"{served[0]}-worker" if len(served) == 1 else "worker") as telemetry:
        uvloop.run(_until_told(settings, served, telemetry))


async def _until_told(settings: Settings, served: Sequence[str], telemetry: Telemetry) -> None:
    stop = asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    await serve(settings, served, stop, telemetry)


if __name__ == "__main__":
    run_and_end(main)
