"""The context of a request in the logs."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.fields import ID
from observability.log_context import requested_order

_an_order = re.compile(ID)


class RequestContext:
    """Middleware that adds the id of the request's order to every log line of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            # Evaluated later: the router determines the path's parameters, and the handler the id of a new order.
            requested_order.set(lambda: _order_id(scope))
        await self._app(scope, receive, send)


def _order_id(scope: Scope) -> str | None:
    named = scope.get("path_params", {}).get("orderId") or scope.get("state", {}).get("order_id")
    return named if named and _an_order.fullmatch(named) else None
