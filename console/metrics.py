"""Who may read the metrics."""

import asyncio

import httpx2
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

METRICS = "/metrics"
_ASK_WITHIN = 3.0


class MetricsForOperators:
    """Middleware that shows the metrics only to whom the API shows its own: those who have a token of an operator."""

    def __init__(self, app: ASGIApp, client: httpx2.AsyncClient) -> None:
        self._app = app
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "http" and scope["path"] == METRICS and not await self._is_operator(Request(scope)):
            await PlainTextResponse("For operators.", 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _is_operator(self, request: Request) -> bool:
        token = request.headers.get("Authorization", "")
        if not token:
            return False
        try:
            async with asyncio.timeout(_ASK_WITHIN):
                response = await self._client.get("/whoami", headers={"Authorization": token})
                return response.is_success and "operator" in response.json()["roles"]
        except (TimeoutError, httpx2.HTTPError, ValueError, KeyError, TypeError):
            return False
