"""What stands before every page: the name of the server, the origin of forms, and the headers of every answer.

- A page of another site may lead a browser to this server under that site's name (DNS rebinding): names that are not
  ours are refused.
- A page of another site may make a browser send a form with the person's cookies: forms come from our own pages only.
  Browsers say so in `Sec-Fetch-Site`; older ones in `Origin`. No token is needed in the pages for it.
- Whatever gets into a page by mistake cannot run: only our own files are loaded, nothing stands inline, and no text
  becomes markup by script (Trusted Types).
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime.http_cookies import WithoutCookies
from runtime.issuer_urls import is_loopback

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITE = frozenset({"same-origin", "none"})
_ANY_NAME = ("/health/", "/metrics")
"""Paths on which this server may have any name: probes use its address."""
_LINKS = "/t/"
"""Beginning of the paths that are secrets themselves: tracking links."""


class Guard:
    """Middleware before all routes."""

    def __init__(self, app: ASGIApp, url: str, form_targets: Sequence[str] = ()) -> None:
        """Wrap an app.

        Args:
            app: The app that responds.
            url: Origin by which browsers name this server.
            form_targets: Origins of others to which the answer to a form may lead: that of the identity provider.
        """
        self._app = app
        # Their routes are the framework's, which parses cookies: one of 30 KB can take seconds.
        self._probed = WithoutCookies(app)
        self._origin = url.lower()
        parts = urlsplit(url)
        self._host = parts.netloc.lower()
        self._local = is_loopback(parts.hostname or "")
        self._headers = _headers(form_targets, secure=parts.scheme == "https")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                own = message.get("headers", ())
                has_own = any(name.lower() == b"cache-control" for name, _ in own)
                message["headers"] = [
                    *own,
                    *self._headers,
                    (b"referrer-policy", _referrer_policy(scope["path"])),
                    *([] if has_own else [(b"cache-control", b"no-store")]),
                ]
            await send(message)

        try:
            await self._answer_to(scope)(scope, receive, send_with_headers)
        except Exception:
            # The framework would answer from outside, without the headers. It still reports the error.
            if not begun:
                await PlainTextResponse("The page could not be shown.", 500)(scope, receive, send_with_headers)
            raise

    def _answer_to(self, scope: Scope) -> ASGIApp:
        if scope["path"].startswith(_ANY_NAME):
            return self._probed
        refusal = self._refusal(scope)
        return self._app if refusal is None else PlainTextResponse(refusal[1], refusal[0])

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 421, "This server has another name."
        if scope["method"] not in _SAFE_METHODS and not self._is_own_page(scope, hosts[0]):
            return 403, "A page of another site may not change anything here."
        return None

    def _is_ours(self, host: str) -> bool:
        if host.lower() == self._host:
            return True
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return self._local and is_loopback(name)

    def _is_own_page(self, scope: Scope, host: str) -> bool:
        if sites := _values(scope, b"sec-fetch-site"):
            return _OWN_SITE.issuperset(sites)
        own = {self._origin, f"http://{host}"} if self._local else {self._origin}
        return [origin.lower() in own for origin in _values(scope, b"origin")] == [True]


def content_policy(form_targets: Sequence[str]) -> str:
    """Return the content security policy of every page."""
    directives = {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        # Chromium applies this to the places to which the answer leads, too.
        "form-action": ["'self'", *form_targets],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["console"],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())


def _headers(form_targets: Sequence[str], *, secure: bool) -> list[tuple[bytes, bytes]]:
    named = {
        "content-security-policy": content_policy(form_targets),
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }
    if secure:
        named["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in named.items()]


def _referrer_policy(path: str) -> bytes:
    """Return what browsers say of a page when they go on from it, and load its files.

    Not `no-referrer`: with it, browsers hide the origin of our own forms as well.
    """
    return b"strict-origin" if path.startswith(_LINKS) else b"same-origin"


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
