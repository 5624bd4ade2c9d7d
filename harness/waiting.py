"""The one place that waits for what tells nobody that it has happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

PATIENCE = 180.0
"""Seconds to wait for what has to happen: many times what it takes, for a machine may be slow and busy."""
_BETWEEN_LOOKS = 0.02


class NotInTime(Exception):
    """What was waited for has not happened."""


def eventually(look: Callable[[], Found], *, within: float = PATIENCE, what: str = "") -> Found:
    """Look until what is seen is true, and return it.

    Raises:
        NotInTime: it is not after `within` seconds; the text says `what` was waited for.
    """
    deadline = time.monotonic() + within
    while not (found := look()):
        _check(deadline, within, what or str(look), found)
        time.sleep(_BETWEEN_LOOKS)
    return found


async def soon(
    look: Callable[[], Awaitable[Found]], *, within: float = PATIENCE, every: float = _BETWEEN_LOOKS, what: str = ""
) -> Found:
    """The same for what is seen by awaiting.

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
