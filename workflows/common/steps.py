"""Steps: commands that a workflow has sent to another context."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from temporalio import workflow
from temporalio.common import Priority

from domain.common.commands import Command
from domain.common.texts import PlainText
from workflows.common.retries import StepPolicy, unlimited_retries

Input = TypeVar("Input")
Result = TypeVar("Result")


@dataclass
class Step(Generic[Input, Result]):
    """One activity, started immediately. Its first execution is bounded in time, later ones are not."""

    command: Command[Input, Result]
    command_input: Input
    policy: StepPolicy

    def __post_init__(self) -> None:
        self.handle = self._start(bounded_by=timedelta(seconds=self.policy.attention_after))

    def retry(self) -> None:
        """Start the activity again, without a time limit."""
        self.handle = self._start(bounded_by=None)

    def abandon(self) -> None:
        """Cancel the activity and stop waiting for it. It may have been carried out nevertheless."""
        # Read its exception: asyncio reports an exception that is never retrieved.
        self.handle.add_done_callback(lambda handle: handle.cancelled() or handle.exception())
        self.handle.cancel()

    def _start(self, *, bounded_by: timedelta | None) -> workflow.ActivityHandle[Result]:
        return workflow.start_activity(
            self.command.name,
            self.command_input,
            task_queue=self.command.context,
            result_type=self.command.result_type,
            summary=PlainText(self.command.summary),
            start_to_close_timeout=timedelta(seconds=self.policy.try_for),
            schedule_to_close_timeout=bounded_by,
            retry_policy=unlimited_retries(self.policy),
            priority=Priority(priority_key=self.command.priority),
        )
