"""How tests wait: for an answer, for several answers, and by polling."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

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
