"""How a workflow waits, has other contexts do their part, and is interrupted by a cancel, whatever it is about."""

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
    """A cancel was taken: whatever the workflow was doing, it stops and compensates."""


class Case(Protocol):
    """What a process carries, as far as waiting and trying concern it."""

    @property
    def cancel_requested(self) -> bool:
        """A cancel has been taken, or Temporal's own cancellation request has come in time to be."""

    def take_native_cancel(self) -> None:
        """Write Temporal's own cancellation request down like any other cancel, where there is one."""

    def step_stalls(self, context: str) -> Callable[[], None]:
        """Ask for a person, since a context does not do its part; returns what takes that back."""


class Process:
    """The one place in which `run` waits, and the one way in which it has a step done."""

    def __init__(self, case: Case, policy: StepPolicy) -> None:
        self._case = case
        self._policy = policy

    async def wait(self, until: Callable[[], bool], *, shielded: bool = False) -> None:
        """Wait for a condition.

        A cancel, however it comes, is state that the condition reads; `CancelledError` only wakes it up.

        Args:
            until: The condition.
            shielded: Wait through a cancel, too.

        Raises:
            Interrupted: a cancel was taken.
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
        """Have another context do its part, for as long as that takes; not begun when a cancel is there already.

        Raises:
            Interrupted: a cancel was taken; the step has been told to stop, and may have been done all the same.
        """
        if self._case.cancel_requested and not shielded:
            self._case.take_native_cancel()
            raise Interrupted
        return await self.finish(self.begin(command, command_input), shielded=shielded)

    async def finish(self, step: Step[Input, Result], *, shielded: bool = False) -> Result:
        """Wait until a step is done.

        When its first, bounded try ends without success a person is asked for, and the step goes on without limit.

        Raises:
            Interrupted: as `step`.
        """
        recover: Callable[[], None] | None = None
        while True:
            try:
                await self.wait(step.handle.done, shielded=shielded)
                result = step.handle.result()
            except Interrupted:
                step.give_up()
                raise
            except ActivityError:
                stalled = self._case.step_stalls(step.command.context)
                recover = recover or stalled
                step.try_on()
            else:
                if recover is not None:
                    recover()
                return result
