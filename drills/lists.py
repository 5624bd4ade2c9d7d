"""Lists of the API, page by page."""

from collections.abc import AsyncIterator

import httpx2

from harness.asking import Document, document

_PAGE = "200"


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
