"""Polling until a condition holds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 180.0
"""Default timeout in seconds: many times the usual duration, because a machine may be slow and busy."""
_BETWEEN_LOOKS = 0.02


class NotInTime(Exception):
    """The condition did not become true in time."""


def eventually(look: Callable[[], Found], *, within: float = PATIENCE, what: str = "") -> Found:
    """Call `look` until its result is true, and return the result.

    Raises:
        NotInTime: this takes longer than `within` seconds. The text says `what` was waited for.
    """
    deadline = time.monotonic() + within
    while not (found := look()):
        if time.monotonic() >= deadline:
            raise NotInTime(_told(within, what or str(look), found))
        time.sleep(_BETWEEN_LOOKS)
    return found


async def soon(
    look: Callable[[], Awaitable[Found]], *, within: float = PATIENCE, every: float = _BETWEEN_LOOKS, what: str = ""
) -> Found:
    """Same as `eventually`, for a coroutine function.

    Raises:
        NotInTime: as `eventually`.
    """
    found = await last_look(look, within=within, every=every)
    if not found:
        raise NotInTime(_told(within, what or str(look), found))
    return found


async def last_look(
    look: Callable[[], Awaitable[Found]], *, within: float = PATIENCE, every: float = _BETWEEN_LOOKS
) -> Found:
    """Call `look` until its result is true, or for `within` seconds. The caller judges the last result."""
    deadline = time.monotonic() + within
    while True:
        found = await look()
        if found or time.monotonic() >= deadline:
            return found
        await asyncio.sleep(every)


def _told(within: float, what: str, found: object) -> str:
    return f"not within {within} s: {what}, but {found!r}"
