"""Security headers of every response: no sniffing, no caching, no embedding, no referrer."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_NO_STORE = (b"cache-control", b"no-store")
"""Responses contain names and addresses."""
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ResponseHeaders:
    """Middleware that adds the security headers."""

    def __init__(self, app: ASGIApp, policies: Mapping[str, str]) -> None:
        """Wrap an app.

        Args:
            app: The app that responds.
            policies: The content security policies of the pages, by path. Every other response is data.
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
                # An event stream has its own `cache-control` header.
                has_own = any(name.lower() == _NO_STORE[0] for name, _ in own)
                message["headers"] = [*own, *added] if has_own else [*own, *added, _NO_STORE]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _headers(policy: str) -> list[tuple[bytes, bytes]]:
    return [*_ALWAYS, (b"content-security-policy", policy.encode())]
