"""What a workflow has asked of another context, until it is done."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from temporalio import workflow

from domain.common.commands import Command
from domain.common.texts import PlainText
from workflows.common.retries import StepPolicy, without_end

Input = TypeVar("Input")
Result = TypeVar("Result")


@dataclass
class Step(Generic[Input, Result]):
    """One activity, started at once; its first try is bounded, every further one is not."""

    command: Command[Input, Result]
    command_input: Input
    policy: StepPolicy

    def __post_init__(self) -> None:
        self.handle = self._start(bounded_by=timedelta(seconds=self.policy.attention_after))

    def try_on(self) -> None:
        """Start it again, without limit."""
        self.handle = self._start(bounded_by=None)

    def give_up(self) -> None:
        """Tell it to stop; it may have been done all the same, and nobody waits for it any more."""
        # An exception that nobody reads would be reported as lost.
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
            retry_policy=without_end(self.policy),
        )
