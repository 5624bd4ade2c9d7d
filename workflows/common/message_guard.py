"""Guard against inputs and messages that are malformed, or that do not come from this service.

Neither must stop a workflow, and the latter must change nothing. A message comes from this service if it was encrypted
for this very workflow (`domain.common.seals`). Whether that is required is a setting, which may change while orders are
open: what was accepted before has to be accepted in each replay, and what was refused has to be refused. So a
refusal is recorded in the history, by a patch of its own.
"""

import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    ExecuteWorkflowInput,
    HandleQueryInput,
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from domain.common.seals import MALFORMED_MESSAGE, is_sealed, plain

_REFUSED = "refused-what-is-not-sealed"
"""Patch, with a number: the workflow has refused one input or message."""

_current: ContextVar["_Guard | None"] = ContextVar("message_guard", default=None)


@dataclass(frozen=True)
class MessageGuard(Interceptor):
    """Guards the workflows and the activities of a worker.

    A malformed signal is handled without its arguments, and a malformed update is refused: otherwise they would fail
    the workflow task again and again, and so stop the workflow forever. If a seal is required, and an input or a
    message has none, then a signal is dropped, an update is refused, a workflow ends, and an activity fails.
    """

    seal_required: bool = False
    """Whether to refuse what has no seal."""
    count: Callable[[str], None] = lambda _: None
    """Is called with each refusal: `start`, `signal`, `update`, `activity` or `result`."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: ARG002 - the same for every workflow
    ) -> type[WorkflowInboundInterceptor]:
        """Return the interceptor that runs before each workflow's handlers."""
        settings = self

        class Guard(_Guard):
            guard = settings

        return Guard

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> ActivityInboundInterceptor:
        """Return the interceptor that runs before each activity."""
        return _ActivityGuard(next, self)


def is_believed(value: object) -> bool:
    """Return whether the running workflow may use a value that it reads by itself, as the result of the run before."""
    guard = _current.get()
    return guard is None or not guard.refuses("result", [value])


class _Guard(WorkflowInboundInterceptor):
    guard: MessageGuard
    _unsealed = 0
    _ended = False

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        _current.set(self)
        if (input.args or _takes_input(input.run_fn)) and self.refuses("start", input.args):
            self._ended = True
            raise _refusal("the input")
        input.args = [plain(arg) for arg in input.args]
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        if self.refuses("signal", input.args):
            return
        input.args = [plain(arg) for arg in input.args] if _fit(input.args) else []
        await super().handle_signal(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:
        if self._ended:
            raise _refusal("the input")
        return await super().handle_query(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        # A refused update leaves no trace in the history, so a replay never comes here.
        if self.guard.seal_required and not _all_sealed(input.args):
            self._told("update")
            raise _refusal("the update")
        super().handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        if not _fit(input.args):
            raise ApplicationError("wrong arguments", type=MALFORMED_MESSAGE, non_retryable=True)
        input.args = [plain(arg) for arg in input.args]
        return await super().handle_update_handler(input)

    def refuses(self, what: str, values: Sequence[Any]) -> bool:
        """Whether values are refused, now or, in a replay, at that time."""
        if _all_sealed(values):
            return False
        self._unsealed += 1
        replaying = workflow.unsafe.is_replaying()
        refused = (self.guard.seal_required or replaying) and workflow.patched(f"{_REFUSED}-{self._unsealed}")
        if refused and not replaying:
            self._told(what)
        return refused

    def _told(self, what: str) -> None:
        workflow.logger.warning("refused what is not bound to this workflow: %s", what)
        with workflow.unsafe.sandbox_unrestricted():
            self.guard.count(what)


class _ActivityGuard(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, guard: MessageGuard) -> None:
        super().__init__(following)
        self._guard = guard

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if self._guard.seal_required and not _all_sealed(input.args):
            self._guard.count("activity")
            # It is retried, at the pace of its policy: a step of ours would begin anew at once, again and again.
            raise ApplicationError("the input is not bound to this workflow", type=MALFORMED_MESSAGE)
        input.args = [plain(arg) for arg in input.args]
        return await super().execute_activity(input)


def _all_sealed(values: Sequence[Any]) -> bool:
    return bool(values) and all(map(is_sealed, values))


def _fit(args: Sequence[Any]) -> bool:
    # Every message takes at most one argument. The SDK decodes a null, and bytes, without checking the type.
    return len(args) <= 1 and not any(arg is None or isinstance(arg, bytes) for arg in args)


def _takes_input(run: Callable[..., Any]) -> bool:
    return len(inspect.signature(run).parameters) > 1


def _refusal(what: str) -> ApplicationError:
    return ApplicationError(f"{what} is not bound to this workflow", type=MALFORMED_MESSAGE, non_retryable=True)
