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
        _check(deadline, within, what or str(look), found)
        time.sleep(_BETWEEN_LOOKS)
    return found


async def soon(
    look: Callable[[], Awaitable[Found]], *, within: float = PATIENCE, every: float = _BETWEEN_LOOKS, what: str = ""
) -> Found:
    """Same as `eventually`, for a coroutine function.

    Raises:
        NotInTime: as `eventually`.
    """
    deadline = time.monotonic() + within
    while not (found := await look()):
        _check(deadline, within, what or str(look), found)
        await asyncio.sleep(every)
    return found


def _check(deadline: float, within: float, what: str, found: object) -> None:
    if time.monotonic() >= deadline:
        raise NotInTime(f"not within {within} s: {what}, but {found!r}")
