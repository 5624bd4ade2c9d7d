"""The sandbox refuses what does not belong into a workflow, and finds nothing of that in the saga."""

import subprocess
import sys

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import (
    SandboxedWorkflowRunner,
    SandboxRestrictions,
    UnintentionalPassthroughError,
)

from domain.orders import OrderStatus
from tests.workflows import places
from tests.workflows.stage import Stage
from workflows.common.runner import sandbox

_HEAVY = "{'alembic', 'fastapi', 'pydantic', 'sqlalchemy', 'sqlmodel', 'starlette', 'structlog'}"
_LOADED = f"import sys, workflows.orders.subscription; print(sorted({_HEAVY} & set(sys.modules)))"


@workflow.defn
class Careless:
    """A workflow in a file that imports slow modules."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


async def test_what_a_workflow_was_not_meant_to_import_is_refused(client: Client) -> None:
    with pytest.raises(RuntimeError) as refused:
        Worker(client, task_queue="careless", workflows=[Careless], workflow_runner=sandbox(strict=True))

    assert isinstance(refused.value.__cause__, UnintentionalPassthroughError)


@pytest.mark.usefixtures("processes")
def test_the_saga_loads_no_library_that_is_slow_to_load() -> None:
    loaded = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, check=True, text=True)

    assert loaded.stdout.strip() == "[]"


async def test_the_saga_does_nothing_that_the_whole_sandbox_forbids(client: Client) -> None:
    """The saga's own modules are reloaded and restricted, too: no clock, no randomness, no input or output."""
    restricted = SandboxedWorkflowRunner(SandboxRestrictions.default.with_passthrough_modules("domain"))
    async with Stage(client, runner=restricted) as stage:
        completed, canceled = await stage.place(), await stage.place()
        await places.requested_of_the_next(completed)
        await completed.accept("e2")
        await completed.complete("e2")
        await places.accepted(canceled)
        await canceled.cancel()

        assert (await completed.result()).status is OrderStatus.JOIN_COMPLETED
        assert (await canceled.result()).status is OrderStatus.ORDER_CANCELED
