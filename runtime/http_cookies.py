"""Removes cookies from requests. No process uses any, and to parse one of 30 KB can take more than a second."""

from starlette.types import ASGIApp, Receive, Scope, Send


class WithoutCookies:
    """Middleware that removes the cookies of a request, because the framework parses them for every route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            scope["headers"] = [each for each in scope["headers"] if each[0] != b"cookie"]
        await self._app(scope, receive, send)
