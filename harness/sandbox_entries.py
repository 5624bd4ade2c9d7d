"""Count of how often workflows enter their sandbox, and what for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

RUN, CONTEXT = "run", "context"
"""What the sandbox is entered for: to run the workflow, or to ask it for the context of payloads."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the entries of all workflows that are created meanwhile in this process."""
    entries: Counter[str] = Counter()
    create = SandboxedWorkflowRunner.create_instance

    def create_counted(runner: SandboxedWorkflowRunner, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Counted(create(runner, det), entries)

    with mock.patch.object(SandboxedWorkflowRunner, "create_instance", create_counted):
        yield entries


class _Counted(WorkflowInstance):
    def __init__(self, sandboxed: WorkflowInstance, entries: Counter[str]) -> None:
        self._sandboxed = sandboxed
        self._entries = entries

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self._entries[RUN] += 1
        return self._sandboxed.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        self._entries[CONTEXT] += 1
        return self._sandboxed.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        self._entries[CONTEXT] += 1
        return self._sandboxed.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._sandboxed.get_info()

    def get_thread_id(self) -> int | None:
        return self._sandboxed.get_thread_id()
