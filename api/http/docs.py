"""`/openapi.json`, and `/docs`: the same document as a page. The API serves all of its assets, so it works offline."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

_DOCUMENT = "/openapi.json"
_PAGE = "/docs"
_ASSETS = "/docs/assets"
_REDIRECT = "/docs/oauth2-redirect"


class WholeFiles(StaticFiles):
    """Files that are always sent whole: Starlette refuses a part that a file does not have in plain text."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as if it asked for no part."""
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__({**scope, "headers": headers}, receive, send)


def install(app: FastAPI, issuer: str | None = None) -> Mapping[str, str]:
    """Serve the document, the page and its assets.

    Args:
        app: The app that the page describes.
        issuer: The origin from which "Authorize" gets tokens.

    Returns:
        The content security policies of the pages, by path.
    """
    page = get_swagger_ui_html(
        openapi_url=_DOCUMENT,
        title=app.title,
        swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
        swagger_css_url=f"{_ASSETS}/swagger-ui.css",
        swagger_favicon_url=f"{_ASSETS}/favicon.png",
        oauth2_redirect_url=_REDIRECT,
    )

    redirect = get_swagger_ui_oauth2_redirect_html()

    @cache
    def rendered() -> asyncio.Task[Response]:
        """Render the document once, and only if somebody asks: it takes a fifth of the time of a start.

        Others are served meanwhile, and whoever asked first may leave. If it fails, the next one tries again.
        """
        rendering = asyncio.create_task(asyncio.to_thread(lambda: JSONResponse(app.openapi())))
        rendering.add_done_callback(forget_failure)
        return rendering

    def forget_failure(rendering: asyncio.Task[Response]) -> None:
        if rendering.cancelled() or rendering.exception():
            rendered.cache_clear()

    async def document(_: Request) -> Response:
        return await asyncio.shield(rendered())

    app.add_route(_DOCUMENT, document, include_in_schema=False)

    async def show(_: Request) -> HTMLResponse:
        return page

    async def show_redirect(_: Request) -> HTMLResponse:
        return redirect

    # Unlike FastAPI's routes, these do not parse the query.
    app.add_route(_PAGE, show, include_in_schema=False)
    app.add_route(_REDIRECT, show_redirect, include_in_schema=False)
    app.mount(_ASSETS, WholeFiles(directory=str(files("fastapi_offline") / "static")))
    return {_PAGE: _policy(page, issuer), _REDIRECT: _policy(redirect, issuer)}


def _policy(page: HTMLResponse, issuer: str | None) -> str:
    """Return the policy of a page: assets of this origin, and the page's inline scripts, by their hashes."""
    scripts = re.findall(r"<script>(.*?)</script>", bytes(page.body).decode(), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = {
        "default-src": ["'none'"],
        "script-src": ["'self'", *(f"'sha256-{found}'" for found in hashes)],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", *([issuer] if issuer else [])],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
    return "; ".join(" ".join((name, *sources)) for name, sources in allowed.items())
