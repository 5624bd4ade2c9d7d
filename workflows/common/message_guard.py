"""Guard against messages with malformed arguments, which must not stop a workflow."""

from collections.abc import Sequence
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


class MessageGuard(Interceptor):
    """Drops malformed arguments of a signal, and refuses an update with malformed arguments.

    Without it, such a message would fail the workflow task again and again, and so stop the workflow forever.
    """

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: ARG002 - the same for every workflow
    ) -> type[WorkflowInboundInterceptor]:
        """Return the interceptor that runs before each workflow's handlers."""
        return _Guard


class _Guard(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        if not _fit(input.args):
            input.args = []
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        if not _fit(input.args):
            raise ApplicationError("wrong arguments", type="MalformedMessage", non_retryable=True)
        return await super().handle_update_handler(input)


def _fit(args: Sequence[Any]) -> bool:
    # Every message takes at most one argument. The SDK decodes a null without checking it against the type.
    return len(args) <= 1 and None not in args
