"""How tests wait: for an answer, for all of several, and (in one place) by looking again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

from temporalio.testing import WorkflowEnvironment

from harness.waiting import PATIENCE, soon

Answer = TypeVar("Answer")


async def within(doing: Awaitable[Answer], seconds: float = PATIENCE) -> Answer:
    """The answer, unless it takes longer than anything in these tests should."""
    return await asyncio.wait_for(doing, seconds)


async def eventually(look: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so; only for what tells nobody that it has happened."""
    await soon(look)


@asynccontextmanager
async def passing(clock: WorkflowEnvironment, time: timedelta) -> AsyncIterator[None]:
    """Let time pass meanwhile. Not to its end: the server may stand still once an order has ended."""
    sleeping = asyncio.create_task(clock.sleep(time))
    try:
        yield
    finally:
        sleeping.cancel()
        await asyncio.wait([sleeping])


async def together(cases: Mapping[str, Awaitable[object]]) -> None:
    """All cases at once, each on an order of its own; says which have failed."""
    failed = []
    outcomes = await asyncio.gather(*cases.values(), return_exceptions=True)
    for case, outcome in zip(cases, outcomes, strict=True):
        if isinstance(outcome, Exception):
            outcome.add_note(f"case: {case}")
            failed.append(outcome)
    if failed:
        raise ExceptionGroup("some cases have failed", failed)
