"""Execution of commands as activities, for workflows that are not interrupted by a cancel."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy

from domain.common.commands import Command
from domain.common.texts import PlainText

Input = TypeVar("Input")
Result = TypeVar("Result")


async def execute(
    command: Command[Input, Result],
    command_input: Input,
    *,
    one_try: timedelta,
    retries: RetryPolicy,
    within: timedelta | None = None,
    silence: timedelta | None = None,
) -> Result:
    """Have a context carry out a command, and return its result.

    Args:
        command: The command.
        command_input: Its input.
        one_try: Timeout of one attempt.
        retries: When to retry.
        within: Timeout of all attempts together; unset, there is no limit.
        silence: Heartbeat timeout of an attempt. It detects a worker that was killed.

    Raises:
        ActivityError: no attempt succeeded within `within`.
    """
    result: Result = await workflow.execute_activity(
        command.name,
        command_input,
        task_queue=command.context,
        result_type=command.result_type,
        summary=PlainText(command.summary),
        start_to_close_timeout=one_try,
        schedule_to_close_timeout=within,
        heartbeat_timeout=silence,
        retry_policy=retries,
        priority=Priority(priority_key=command.priority),
    )
    return result
