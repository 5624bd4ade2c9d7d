"""Removes cookies from requests to routes that use none: to parse one of 30 KB can take more than a second."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
_App = Callable[[_Message, _Receive, _Send], Awaitable[None]]


class WithoutCookies:
    """ASGI middleware that removes the cookies of a request, because the framework parses them for every route."""

    def __init__(self, app: _App) -> None:
        self._app = app

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope["headers"] = [each for each in scope["headers"] if each[0] != b"cookie"]
        await self._app(scope, receive, send)
