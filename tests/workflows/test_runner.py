"""The sandbox is entered to run a workflow, and not for what is known outside of it."""

import inspect
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory
from temporalio.converter import ActivitySerializationContext, DataConverter, WorkflowSerializationContext
from temporalio.worker import WorkflowInstance
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.orders import Order
from harness import sandbox_entries
from harness.sandbox_entries import CONTEXT, RUN
from runtime.payload_binding import PayloadBinding
from runtime.payload_codec import Encryption, encrypting
from runtime.payload_keys import PayloadKeys
from tests.encryption import KEYS
from tests.workflows.histories import read
from tests.workflows.stage import replay
from workflows.common.runner import ContextsOutside, sandbox

CONVERTERS = [encrypting(PayloadKeys.parse(KEYS), "default", binding) for binding in PayloadBinding]


async def entries(history: WorkflowHistory, runner: SandboxedWorkflowRunner) -> Counter[str]:
    """Count the entries in a replay."""
    with sandbox_entries.counted() as counted:
        await replay(history, runner=runner)
    return counted


@pytest.mark.parametrize("name", ["completed", "a_pass_that_ends_an_order"])
async def test_the_sandbox_is_entered_to_run_a_workflow_alone(name: str) -> None:
    history, ours = read(name), sandbox()
    stock = SandboxedWorkflowRunner(restrictions=ours.restrictions)

    with_stock, with_ours = await entries(history, stock), await entries(history, ours)

    tasks = [event for event in history.events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
    assert with_ours[RUN] == with_stock[RUN] >= len(tasks)
    assert with_ours[CONTEXT] == 0
    assert with_stock[CONTEXT] > 5 * with_stock[RUN], "without this, the SDK asks for each payload"


def test_every_method_of_the_sdk_is_answered_or_passed_on() -> None:
    """A method that is new in the SDK has to be passed on as well."""
    methods = {name for name, _ in inspect.getmembers(WorkflowInstance, inspect.isfunction) if name[:2] != "__"}

    assert methods - vars(ContextsOutside).keys() == set()
    assert methods == {
        *("activate", "get_serialization_context", "get_external_store_context"),
        *("get_info", "get_thread_id"),
    }


class Read(ActivitySerializationContext):
    """An activity's context that notes what is read of it."""

    def __getattribute__(self, name: str) -> Any:
        if name[:2] != "__":
            READ.add(name)
        return super().__getattribute__(name)


READ: set[str] = set()


@pytest.mark.parametrize("converter", CONVERTERS, ids=list(PayloadBinding))
async def test_an_activity_has_the_context_of_its_workflow(converter: DataConverter) -> None:
    """Only what both contexts have is read, so that each reads what the other has written."""
    READ.clear()
    activity = Read(
        namespace="default",
        activity_id="1",
        activity_type="assign",
        activity_task_queue="queue",
        is_local=False,
        workflow_id="order-1",
        workflow_type="SubscriptionWorkflow",
    )
    assert isinstance(converter.payload_codec, Encryption)
    of_activity = replace(converter, payload_codec=converter.payload_codec.with_context(activity))
    of_workflow = converter.with_context(WorkflowSerializationContext("default", "order-1"))

    for writes, reads in ((of_activity, of_workflow), (of_workflow, of_activity)):
        assert await reads.decode(await writes.encode([Order("1")]), [Order]) == [Order("1")]

    assert converter.with_context(activity) is of_workflow
    assert READ - {"namespace", "workflow_id"} == set()
    assert "workflow_id" in READ


@pytest.mark.parametrize("converter", CONVERTERS, ids=list(PayloadBinding))
def test_no_payload_is_stored_outside_of_temporal(converter: DataConverter) -> None:
    """Its context would say for which workflow it is stored."""
    assert converter.external_storage is None
