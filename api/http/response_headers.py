"""What every answer tells a browser: guess nothing, keep nothing, embed nothing, tell nobody where you have been."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_NOT_KEPT = (b"cache-control", b"no-store")
"""Answers hold names and addresses."""
_NOTHING = "default-src 'none'; frame-ancestors 'none'"


class ResponseHeaders:
    """Middleware that adds them."""

    def __init__(self, app: ASGIApp, policies: Mapping[str, str]) -> None:
        """
        Args:
            app: What answers.
            policies: The content security policies of the paths that are pages; every other answer is data.
        """
        self._app = app
        self._data = _headers(_NOTHING)
        self._pages = {path: _headers(policy) for path, policy in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = self._pages.get(scope["path"], self._data)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message.get("headers", ())
                # A stream that is not to be cached says so itself.
                kept = any(name.lower() == _NOT_KEPT[0] for name, _ in own)
                message["headers"] = [*own, *added] if kept else [*own, *added, _NOT_KEPT]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _headers(policy: str) -> list[tuple[bytes, bytes]]:
    return [*_ALWAYS, (b"content-security-policy", policy.encode())]
