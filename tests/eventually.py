"""The one place where tests wait for what tells nobody that it has happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")

_BETWEEN_LOOKS = 0.02


def eventually(look: Callable[[], Found], *, within: float = 20, what: str = "") -> Found:
    """Look until what is seen is true, and return it; fails after `within` seconds, saying `what` was waited for."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what or look}, but {found!r}"
        time.sleep(_BETWEEN_LOOKS)
    return found


async def soon(look: Callable[[], Awaitable[Found]], *, within: float = 20, what: str = "") -> Found:
    """The same for what is seen by awaiting."""
    deadline = time.monotonic() + within
    while not (found := await look()):
        assert time.monotonic() < deadline, f"not within {within} s: {what or look}, but {found!r}"
        await asyncio.sleep(_BETWEEN_LOOKS)
    return found
