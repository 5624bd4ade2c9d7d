"""Checks how a request names this server, and from which page it comes."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import ProblemType, problem
from runtime.addresses import parsed

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OTHER_SITES = frozenset({"cross-site", "same-site"})
_LOCAL_NAME = "localhost"


class HostCheck:
    """Middleware that refuses a request without `Host`, or with two, because it could be understood in two ways."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "http":
            named = len(_values(scope, b"host"))
            # A client of HTTP/1.0 need not name the host. Some load balancers probe like this.
            if named > 1 or (named == 0 and scope["http_version"] != "1.0"):
                refusal = problem(ProblemType.MALFORMED_REQUEST, "exactly one Host header is required")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


class LocalRequestsOnly:
    """Middleware for an API without tokens, which serves this machine alone: a page in its browser is not this machine.

    A page of another site may make a browser send requests. It cannot read their responses, but their effects are
    there. And its name may lead to this machine (DNS rebinding), so that the browser takes the API for the page's own.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Mapping[str, Collection[str]]) -> None:
        """Wrap an app.

        Args:
            app: The app that responds.
            hosts: Names of this server, beside those of loopback.
            origins: Origins whose pages may change something, by the beginning of the path.
        """
        self._app = app
        self._hosts = {host.lower() for host in hosts}
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        refused = self._refused(scope) if scope["type"] == "http" else None
        if refused is not None:
            await problem(ProblemType.FORBIDDEN, refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _refused(self, scope: Scope) -> str | None:
        """Return why a request is refused, or None."""
        for host in _values(scope, b"host"):
            if not self._is_ours(host):
                return "this server has another name; ALLOWED_HOSTS names more"
        if scope["method"] not in _SAFE_METHODS and self._is_of_another_site(scope):
            return "a page of another site may not change anything here"
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        address = parsed(name)
        return (
            (address is not None and address.is_loopback)
            or name == _LOCAL_NAME
            or name.endswith(f".{_LOCAL_NAME}")
            or name in self._hosts
        )

    def _is_of_another_site(self, scope: Scope) -> bool:
        if origins := _values(scope, b"origin"):
            hosts = _values(scope, b"host")
            allowed = {f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts}
            for path, named in self._origins.items():
                allowed |= set(named) if scope["path"].startswith(path) else set()
            return not allowed.issuperset(origins)
        # Some browsers leave the origin out of requests that need no permission, but say what kind of page sends them.
        return any(site in _OTHER_SITES for site in _values(scope, b"sec-fetch-site"))


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: Any = scope["headers"]
    return [value.decode("latin-1") for key, value in headers if key == name]
