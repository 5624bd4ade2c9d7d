"""Requests to the API that are repeated while it does not answer, because a busy machine makes it too slow."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx2

from harness.waiting import soon

_BETWEEN_TRIES = 0.2

Document = dict[str, Any]


async def document(api: httpx2.AsyncClient, path: str, **query: str) -> Document:
    """Return a document.

    Raises:
        HTTPStatusError: the API refuses.
        NotInTime: it does not answer.
    """
    found: Document = (await _answered(partial(api.get, path, params=query), path)).json()
    return found


async def send(api: httpx2.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None = None) -> Document:
    """Send a request, always with the same key, so that its repetitions change nothing more. Returns the document.

    Raises:
        HTTPStatusError, NotInTime: as `document`.
    """
    headers = {"Idempotency-Key": uuid4().hex}
    answer = await _answered(partial(api.request, method, path, json=body, headers=headers), f"{method} {path}")
    found: Document = answer.json() if answer.content else {}
    return found


async def _answered(ask: Callable[[], Awaitable[httpx2.Response]], what: str) -> httpx2.Response:
    async def answered() -> list[httpx2.Response]:
        try:
            answer = await ask()
        except httpx2.TransportError:
            return []
        return [] if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else [answer]

    [answer] = await soon(answered, every=_BETWEEN_TRIES, what=f"{what} is answered")
    return answer.raise_for_status()
