"""Workflow runner: one sandbox configuration for the workers and for the tests."""

from typing import Any

from temporalio.api.enums.v1 import CommandType
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext, WorkflowSerializationContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import Info, SandboxImportNotificationPolicy

_OWN_PAYLOADS = (
    CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
    CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
)
"""Commands whose payloads belong to the workflow itself."""


def sandbox(*, strict: bool = False) -> SandboxedWorkflowRunner:
    """Return the sandbox for workflows. It passes our own modules through: reloading them costs 10 ms for each order.

    Args:
        strict: Fail if a module is imported that belongs neither to the project nor to the standard library.
    """
    restrictions = SandboxRestrictions.default.with_passthrough_modules("domain", "workflows")
    if strict:
        policy = SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
        restrictions = restrictions.with_import_notification_policy(policy)
    return WorkflowSandbox(restrictions=restrictions)


class WorkflowSandbox(SandboxedWorkflowRunner):
    """Sandbox that is entered only to run a workflow.

    The SDK also enters it for each payload, and for each walk over all payloads, to ask for their context: some ten
    times as often as to run the workflow. Entering it costs more than the answer, which hardly ever depends on it.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Create a workflow in the sandbox."""
        return ContextsOutside(super().create_instance(det))


class ContextsOutside(WorkflowInstance):
    """Workflow in a sandbox, with contexts of payloads that are known outside of it.

    An activity's payloads get the context of the workflow. The codec reads of a context only the namespace and the
    workflow's id, and an activity has the same as its workflow.
    """

    def __init__(self, sandboxed: WorkflowInstance) -> None:
        self._sandboxed = sandboxed
        info = sandboxed.get_info()
        self._own = WorkflowSerializationContext(namespace=info.namespace, workflow_id=info.workflow_id)
        self._nowhere = StorageDriverStoreContext(target=None)

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Run the workflow in the sandbox until it waits."""
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        """Return the context of a command's payloads. Only the sandbox knows to which workflow a message goes."""
        if command_info is None or command_info.command_type in _OWN_PAYLOADS:
            return self._own
        return self._sandboxed.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ARG002 - none is used
        """Return an empty context: no payload is stored outside of Temporal."""
        return self._nowhere

    def get_info(self) -> Info:
        """Return the facts about the workflow."""
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread in which the workflow runs, or None. The SDK interrupts it if it does not end."""
        return self._sandboxed.get_thread_id()
