"""Documents and lists of the API, and what changes them. The requests are repeated while it does not answer."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from uuid import uuid4

import httpx2

from drills.accounts import Document
from harness.waiting import soon

_PAGE = "200"
_BETWEEN_TRIES = 0.2


async def document(api: httpx2.AsyncClient, path: str, **query: str) -> Document:
    """Return a document.

    Raises:
        HTTPStatusError: the API refuses.
        NotInTime: it does not answer.
    """
    found: Document = (await _answered(partial(api.get, path, params=query), path)).json()
    return found


async def change(api: httpx2.AsyncClient, method: str, path: str, body: Document | None = None) -> httpx2.Response:
    """Send a request that changes something, always with the same key, so that its repetitions change nothing more.

    Raises:
        HTTPStatusError, NotInTime: as `document`.
    """
    headers = {"Idempotency-Key": uuid4().hex}
    return await _answered(partial(api.request, method, path, json=body, headers=headers), f"{method} {path}")


async def items(api: httpx2.AsyncClient, path: str, **query: str) -> AsyncIterator[Document]:
    """Yield the items of a list, of one page after the other.

    Raises:
        HTTPStatusError, NotInTime: as `document`.
    """
    following: str | None = ""
    while following is not None:
        cursor = {"cursor": following} if following else {}
        page = await document(api, path, limit=_PAGE, **query, **cursor)
        for item in page["items"]:
            yield item
        following = page["nextCursor"]


async def _answered(ask: Callable[[], Awaitable[httpx2.Response]], what: str) -> httpx2.Response:
    async def answered() -> list[httpx2.Response]:
        try:
            answer = await ask()
        except httpx2.TransportError:
            return []
        return [] if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else [answer]

    [answer] = await soon(answered, every=_BETWEEN_TRIES, what=f"{what} is answered")
    return answer.raise_for_status()
