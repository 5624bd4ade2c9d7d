"""How tests wait: for an answer, for several answers, and by polling."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from harness.waiting import PATIENCE, soon

Answer = TypeVar("Answer")

_FIRST_STEP = timedelta(minutes=1)
_LONGEST_STEP = timedelta(hours=12)


async def within(doing: Awaitable[Answer], seconds: float = PATIENCE) -> Answer:
    """Return the answer. Raises an error if it takes longer than anything in these tests should."""
    return await asyncio.wait_for(doing, seconds)


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    """Poll until a condition holds. Only for events without a notification."""
    await soon(look)


async def until_quiet(workflow: WorkflowHandle[Any, Any], *, but: Collection[str] = ()) -> None:
    """Wait until nothing runs (`but` these activities), so that the next event of its history comes from outside."""

    async def quiet() -> bool:
        described = await workflow.describe()
        if described.status is not WorkflowExecutionStatus.RUNNING:
            return True
        description = described.raw_description
        under_way = {pending.activity_type.name for pending in description.pending_activities}
        return under_way <= {*but} and not description.HasField("pending_workflow_task")

    await eventually(quiet)


async def skip(clock: WorkflowEnvironment, time: timedelta) -> None:
    """Let time pass in steps: one call that skips many retries takes longer on a slow machine than the SDK waits.

    The steps grow as the pauses between retries do.
    """
    step = _FIRST_STEP
    while time > timedelta():
        step = min(time, step)
        await clock.sleep(step)
        time -= step
        step = min(2 * step, _LONGEST_STEP)


@asynccontextmanager
async def passing(clock: WorkflowEnvironment, time: timedelta) -> AsyncIterator[None]:
    """Let time pass during the block, without waiting for all of it: the server may stop after an order has ended."""
    sleeping = asyncio.create_task(skip(clock, time))
    try:
        yield
    finally:
        sleeping.cancel()
        await asyncio.wait([sleeping])


async def together(cases: Mapping[str, Awaitable[object]]) -> None:
    """Run all cases at once, each with its own order. Reports the cases that have failed."""
    failed = []
    outcomes = await asyncio.gather(*cases.values(), return_exceptions=True)
    for case, outcome in zip(cases, outcomes, strict=True):
        if isinstance(outcome, Exception):
            outcome.add_note(f"case: {case}")
            failed.append(outcome)
    if failed:
        raise ExceptionGroup("some cases have failed", failed)
