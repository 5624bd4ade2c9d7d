"""How tests ask processes that have the deadlines of production, and that a busy machine makes too slow for them."""

from collections.abc import Callable
from typing import Any

import httpx2

from tests.eventually import eventually


def send(request: Callable[..., httpx2.Response], method: str, url: str, *wanted: int, **more: Any) -> dict[str, Any]:
    """Send a request until it is answered with one of these statuses. Returns the document.

    The contract declares it safe to send the same again after `503`, and after a cancel that was taken for later. What
    creates something needs an idempotency key.
    """

    def answered() -> httpx2.Response | None:
        try:
            answer = request(method, url, **more)
        except httpx2.TransportError:
            return None
        assert answer.status_code in (*wanted, 202, 503), (method, url, answer.status_code, answer.text)
        return answer if answer.status_code in wanted else None

    answer = eventually(answered, what=f"{method} {url}")
    assert answer is not None
    document: dict[str, Any] = answer.json()
    return document
