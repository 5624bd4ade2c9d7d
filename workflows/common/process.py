"""Process: waits, steps and interruption by a cancel, for any workflow."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.common.commands import Command
from workflows.common.retries import StepPolicy
from workflows.common.steps import Step

Input = TypeVar("Input")
Result = TypeVar("Result")


class Interrupted(Exception):
    """A cancel was accepted: the workflow stops what it is doing and compensates."""


class Case(Protocol):
    """What a process has to know about the workflow that it runs."""

    @property
    def cancel_requested(self) -> bool:
        """Whether a cancel was accepted, or Temporal's own cancellation request arrived in time."""

    def take_native_cancel(self) -> None:
        """Record Temporal's own cancellation request, if there is one, like any other cancel."""

    def step_stalls(self, context: str) -> Callable[[], None]:
        """Ask for attention because a context does not do its part. Returns a function that withdraws this."""


class Process:
    """The only place where `run` waits, and the only way in which it executes steps."""

    def __init__(self, case: Case, policy: StepPolicy) -> None:
        self._case = case
        self._policy = policy

    async def wait(self, until: Callable[[], bool], *, shielded: bool = False) -> None:
        """Wait for a condition.

        A cancel of any kind is state that the condition reads. `CancelledError` only wakes the condition up.

        Args:
            until: The condition.
            shielded: Continue to wait after a cancel.

        Raises:
            Interrupted: a cancel was accepted.
        """

        def interrupted() -> bool:
            return self._case.cancel_requested and not shielded

        while not (interrupted() or until()):
            try:
                await workflow.wait_condition(lambda: interrupted() or until())
            except asyncio.CancelledError:
                self._case.take_native_cancel()
        if interrupted():
            self._case.take_native_cancel()
            raise Interrupted

    def begin(self, command: Command[Input, Result], command_input: Input) -> Step[Input, Result]:
        """Start a step that `finish` will wait for."""
        return Step(command, command_input, self._policy)

    async def step(self, command: Command[Input, Result], command_input: Input, *, shielded: bool = False) -> Result:
        """Execute a step until it succeeds. The step does not begin if a cancel was already accepted.

        Raises:
            Interrupted: a cancel was accepted. The step was asked to stop, but may have been carried out.
        """
        if self._case.cancel_requested and not shielded:
            self._case.take_native_cancel()
            raise Interrupted
        return await self.finish(self.begin(command, command_input), shielded=shielded)

    async def finish(self, step: Step[Input, Result], *, shielded: bool = False) -> Result:
        """Wait until a step succeeds.

        If its first, bounded execution fails, ask for attention and continue the step without limit.

        Raises:
            Interrupted: as `step`.
        """
        recover: Callable[[], None] | None = None
        while True:
            try:
                await self.wait(step.handle.done, shielded=shielded)
                result = step.handle.result()
            except Interrupted:
                step.abandon()
                raise
            except ActivityError:
                stalled = self._case.step_stalls(step.command.context)
                recover = recover or stalled
                step.retry()
            else:
                if recover is not None:
                    recover()
                return result
