"""Worker of the bare workflow: as many queues and the same options as the service's workers, and trivial activities.

`python -m bench.bare_worker RUNNER FILE`: creates FILE once it runs, and appends the id of each order that can be
accepted. RUNNER is `bare`, for the service's own workflow runner, or `stock`, for the one of the SDK. The names of the
queues begin with it.
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from temporalio import activity
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from bench.bare_workflow import BareWorkflow
from domain.common import contexts
from domain.installation import (
    ACCEPT_INSTALLATION,
    COMPLETE_INSTALLATION,
    REQUEST_INSTALLATION,
    InstallationStatus,
    RecordAnswer,
    RequestInstallation,
)
from domain.management_center.assignments import (
    ASSIGN_ENGINEER,
    CLOSE_ASSIGNMENT,
    AssignEngineer,
    Assignment,
    AssignmentOutcome,
    CloseAssignment,
)
from domain.order_status.view import PROJECT_ORDER
from domain.orders import Order, OrderStatus
from domain.visits import TimeWindow
from runtime import garbage
from runtime.settings import Settings
from runtime.temporal_client import connect
from workflows.common.runner import WorkflowSandbox, sandbox

ENGINEER_ID = "engineer-1"
BARE, STOCK = "bare", "stock"
_RUNNERS = {BARE: WorkflowSandbox, STOCK: SandboxedWorkflowRunner}


def queue(runner: str, context: str) -> str:
    """Return the name of a queue of the worker with this runner."""
    return f"{runner}-{context}"


@activity.defn(name=ASSIGN_ENGINEER.name)
async def assign(request: AssignEngineer) -> AssignmentOutcome:
    """Assign always the same engineer, in two days."""
    now = datetime.now(UTC)
    visit = TimeWindow(now + timedelta(days=2), now + timedelta(days=2, hours=2))
    assignment = Assignment(
        order_id=request.order_id,
        engineer_id=ENGINEER_ID,
        engineer_name="Engineer",
        region="KR-11",
        round=request.round,
        assigned_at=now,
        visit=visit,
    )
    return AssignmentOutcome(assignment, None, "KR-11", request.round)


@activity.defn(name=CLOSE_ASSIGNMENT.name)
async def close(request: CloseAssignment) -> None:
    """Do nothing."""


@activity.defn(name=REQUEST_INSTALLATION.name)
async def request_installation(request: RequestInstallation) -> InstallationStatus:  # noqa: ARG001 - as above
    """Do nothing."""
    return InstallationStatus.REQUESTED


@activity.defn(name=ACCEPT_INSTALLATION.name)
async def accept(request: RecordAnswer) -> None:
    """Do nothing."""


@activity.defn(name=COMPLETE_INSTALLATION.name)
async def complete(request: RecordAnswer) -> None:
    """Do nothing."""


class Projection:
    """Tells the bench which orders can be accepted, and does nothing else."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="ascii")

    @activity.defn(name=PROJECT_ORDER.name)
    async def project(self, order: Order) -> None:
        """Write one line for each order."""
        if order.status is OrderStatus.INSTALLATION_REQUESTED:
            self._file.write(f"{order.order_id}\n")


async def serve(runner: str, file: Path) -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    settings = Settings()
    client = await connect(settings)
    patience = timedelta(seconds=settings.graceful_shutdown_seconds)
    activities: dict[str, list[Callable[..., Any]]] = {
        contexts.MANAGEMENT_CENTER: [assign, close],
        contexts.INSTALLATION: [request_installation, accept, complete],
        contexts.ORDER_STATUS: [Projection(file).project],
    }
    workers = [
        Worker(client, task_queue=queue(runner, context), activities=bodies, graceful_shutdown_timeout=patience)
        for context, bodies in activities.items()
    ]
    workers.append(
        Worker(
            client,
            task_queue=queue(runner, contexts.ORDERS),
            workflows=[BareWorkflow],
            workflow_runner=_sandbox(runner),
            max_cached_workflows=settings.max_cached_workflows,
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=2),
            graceful_shutdown_timeout=patience,
        )
    )
    async with asyncio.TaskGroup() as running:
        for worker in workers:
            running.create_task(worker.run())
        await stop.wait()
        for worker in workers:
            running.create_task(worker.shutdown())


def _sandbox(runner: str) -> WorkflowRunner:
    # With the same restrictions: the stock runner with its own would reload the modules of each workflow.
    return _RUNNERS[runner](restrictions=sandbox().restrictions.with_passthrough_modules("bench"))


if __name__ == "__main__":
    garbage.collect_seldom()
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2])))
