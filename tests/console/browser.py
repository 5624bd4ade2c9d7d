"""Browsers without a script, for tests of the pages."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from html.parser import HTMLParser
from typing import Any

from httpx2 import ASGITransport, AsyncBaseTransport, AsyncClient, ConnectError, ReadError, Request, Response

from console.app import create_app
from console.shared import Console
from runtime.key_files import new_key
from runtime.settings import Settings
from tests.api.service import Service, but
from tests.eventually import PATIENCE

ORIGIN = "http://127.0.0.1:8082"
KEYS = f"test-1:{new_key()}"
CUSTOMER, MANAGER, ENGINEER = "customer:1", "manager:*", "engineer:kr-11-1"


_CHOSEN = ("radio", "checkbox")
"""Types of inputs that a browser sends only if they are chosen."""


class _Forms(HTMLParser):
    """Collects the forms of a page, with what a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._area: str | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((named.get("action", ""), {}))
        elif tag == "textarea":
            self._area = named["name"]
            self.forms[-1][1][self._area] = ""
        elif tag == "select":
            self._select = named["name"]
        elif tag == "option" and ("selected" in named or self._select not in self.forms[-1][1]):
            self.forms[-1][1][self._select] = named["value"]
        elif tag == "input" and "name" in named and (named.get("type") not in _CHOSEN or "checked" in named):
            self.forms[-1][1][named["name"]] = named.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.forms[-1][1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None


def forms_of(page: Response) -> list[tuple[str, dict[str, str]]]:
    """Return the forms of a page: the action, and the fields as a browser would send them."""
    found = _Forms()
    found.feed(page.text)
    return found.forms


def form_of(page: Response, action: str) -> dict[str, str]:
    """Return the fields of the form with this action, as a browser would send them."""
    [fields] = [fields for path, fields in forms_of(page) if path == action]
    return fields


def text_of(page: Response) -> str:
    """Return the text of a page, without its markup."""
    body = re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page.text)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()


def wrong_fields(page: Response) -> set[str]:
    """Return the ids of the fields at which a page says what is wrong."""
    return set(re.findall(r'<p class="error" id="([^"]+)-error">', page.text))


class Browser:
    """A browser of one person, which keeps cookies and follows no redirect by itself."""

    def __init__(self, http: AsyncClient) -> None:
        self.http = http

    @property
    def cookies(self) -> str:
        """Its cookies, as the header `Cookie` has them: for another client."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    async def get(self, path: str, **options: Any) -> Response:
        """Open a page."""
        return await self.http.get(path, **options)

    async def post(self, path: str, fields: Mapping[str, str] | None = None, **options: Any) -> Response:
        """Send a form, as from a page of the console."""
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN} | options.pop("headers", {})
        return await self.http.post(path, data=dict(fields or {}), headers=headers, **options)

    async def follow(self, answer: Response) -> Response:
        """Go where an answer leads."""
        assert answer.status_code == 303, (answer.status_code, text_of(answer))
        return await self.get(answer.headers["Location"])

    async def sign_in(self, person: str, **fields: str) -> "Browser":
        """Sign in as a person: `ROLE:SUBJECT`."""
        answer = await self.post("/login", {"person": person, **fields})
        assert answer.status_code == 303, text_of(answer)
        return self


class Line(AsyncBaseTransport):
    """The line from the console to the API, which a test can cut."""

    def __init__(self, to: AsyncBaseTransport) -> None:
        self._to = to
        self.cut: set[str] = set()
        """Beginnings of requests (`POST /orders`) that do not arrive."""
        self.unanswered: set[str] = set()
        """Beginnings of requests that are carried out, and whose answers do not arrive."""
        self.answers: dict[str, Response] = {}
        """Answers of others, by the beginnings of requests."""
        self.carried: list[Request] = []
        """The requests that have arrived."""

    async def handle_async_request(self, request: Request) -> Response:
        """Carry a request, or not."""
        line = f"{request.method} {request.url.path}"
        if any(map(line.startswith, self.cut)):
            raise ConnectError("the line is cut")
        for beginning, answer in self.answers.items():
            if line.startswith(beginning):
                return answer
        self.carried.append(request)
        response = await self._to.handle_async_request(request)
        if any(map(line.startswith, self.unanswered)):
            raise ReadError("the line is cut")
        return response


class Pages:
    """A console, and the browsers before it."""

    def __init__(self, console: Console, app: Any, line: Line, service: Service | None) -> None:
        self.console = console
        self.app = app
        self.line = line
        self._service = service
        self._open: list[AsyncClient] = []

    @property
    def service(self) -> Service:
        """The API of the console."""
        assert self._service is not None
        return self._service

    def browser(self, language: str = "en", origin: str = ORIGIN) -> Browser:
        """Open a browser."""
        transport = ASGITransport(self.app, raise_app_exceptions=True)
        http = AsyncClient(
            transport=transport, base_url=origin, headers={"Accept-Language": language}, timeout=PATIENCE
        )
        self._open.append(http)
        return Browser(http)

    async def person(self, person: str, language: str = "en") -> Browser:
        """Open a browser, and sign in."""
        return await self.browser(language).sign_in(person)

    async def close(self) -> None:
        """Close the browsers."""
        for http in self._open:
            await http.aclose()


@asynccontextmanager
async def opened(
    settings: Settings, transport: AsyncBaseTransport, service: Service | None = None
) -> AsyncIterator[Pages]:
    """Run a console in this event loop."""
    line = Line(transport)
    app = create_app(but(settings, console_session_keys=KEYS, console_url=ORIGIN), transport=line)
    async with app.router.lifespan_context(app):
        pages = Pages(app.state.console, app, line, service)
        try:
            yield pages
        finally:
            await pages.close()


@asynccontextmanager
async def pages_of(service: Service) -> AsyncIterator[Pages]:
    """Run the console of an API in this process."""
    async with opened(service.settings, ASGITransport(service.app), service) as pages:
        yield pages
