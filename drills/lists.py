"""Documents and lists of the API. They are asked for again while it does not answer."""

from collections.abc import AsyncIterator
from http import HTTPStatus

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

    async def answered() -> list[httpx2.Response]:
        try:
            answer = await api.get(path, params=query)
        except httpx2.TransportError:
            return []
        return [] if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else [answer]

    [answer] = await soon(answered, every=_BETWEEN_TRIES, what=f"{path} is answered")
    found: Document = answer.raise_for_status().json()
    return found


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
