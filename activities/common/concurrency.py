"""Work for several items at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def for_each(items: Iterable[Item], work: Callable[[Item], Awaitable[None]], *, at_once: int) -> None:
    """Do some work for each item, for a few of them at once.

    Raises what the work raises first, after the rest has been canceled.
    """
    turns = asyncio.Semaphore(at_once)

    async def one(item: Item) -> None:
        async with turns:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed
