"""The stream of an engineer's day: it says that something has changed, and the page looks again.

What has changed is not sent: a card needs what the installation context knows, and a list is made at once.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from console.page_request import PageRequest


async def follow_day(asked: PageRequest) -> Response:
    """Stream which orders of this engineer have changed, those that are no longer theirs too."""
    after = asked.request.headers.get("Last-Event-ID", "")
    return asked.console.streams.response(after, asked.api.headers, _named)


def _named(order: Mapping[str, Any]) -> str:
    return str(order["orderId"])
