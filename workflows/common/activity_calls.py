"""Asks a context to carry out a command, and waits for the answer: for workflows that nothing interrupts."""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.common.commands import Command
from domain.common.texts import PlainText

Input = TypeVar("Input")
Result = TypeVar("Result")


async def ask(
    command: Command[Input, Result],
    request: Input,
    *,
    one_try: timedelta,
    retries: RetryPolicy,
    within: timedelta | None = None,
    silence: timedelta | None = None,
) -> Result:
    """What the context answers.

    Args:
        command: What is asked for.
        request: With which argument.
        one_try: How long one try may take.
        retries: When another is made.
        within: How long all tries together may take; unset, there is no end to them.
        silence: How long a try may go without a heartbeat: a worker that was killed is noticed by it.

    Raises:
        ActivityError: it has not come to an answer `within`.
    """
    answer: Result = await workflow.execute_activity(
        command.name,
        request,
        task_queue=command.context,
        result_type=command.result_type,
        summary=PlainText(command.summary),
        start_to_close_timeout=one_try,
        schedule_to_close_timeout=within,
        heartbeat_timeout=silence,
        retry_policy=retries,
    )
    return answer
