"""A message with the wrong arguments must not stop an order, whoever sent it."""

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
    """Drops the arguments of a signal, and refuses an update, that its handler cannot be called with.

    Either would fail the workflow's task again and again, and so stop the order for ever.
    """

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: ARG002 - the same for every workflow
    ) -> type[WorkflowInboundInterceptor]:
        """What stands before each workflow's handlers."""
        return _Tolerant


class _Tolerant(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        if not _fit(input.args):
            input.args = []
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        if not _fit(input.args):
            raise ApplicationError("wrong arguments", type="MalformedMessage", non_retryable=True)
        return await super().handle_update_handler(input)


def _fit(args: Sequence[Any]) -> bool:
    """Every message takes one argument, or its default; a null one was decoded without a look at the type."""
    return len(args) <= 1 and None not in args
