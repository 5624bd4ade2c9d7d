"""One request for a page: who asks, in which language, and what a handler can answer with."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urlsplit

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import FormData, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from console import labels
from console.forms import LARGEST, MOST_FIELDS, sent
from console.paths import path_of
from console.preferences import Preferences
from console.rendering import Contact, MenuItem, Shell
from console.routing import Entry, Route
from console.sealing import cookies_of
from console.service import Api
from console.sessions import Flash, Session
from console.shared import Console
from console.texts import Texts

FORM_WITHIN = 10.0
"""Seconds within which a form has to arrive."""
_LONGEST_NEXT = 1000
_OF_PATHS = "/:@!$&'()*+,;="
"""Characters that stand in paths as they are (RFC 3986)."""
_TRACE = TraceContextTextMapPropagator()


class NotSignedIn(Exception):
    """The page is for people who are signed in."""


@dataclass
class PageRequest:
    """A request, and everything that a handler needs to answer it."""

    request: Request
    console: Console

    # --- who asks, and for what ---------------------------------------------------------------------------------------

    @cached_property
    def cookies(self) -> Mapping[str, str]:
        """The cookies of the browser."""
        return cookies_of(self.request.headers.get("Cookie", ""))

    @cached_property
    def session(self) -> Session | None:
        """The session, if there is one and its token is good."""
        session = self.console.cookies.session_in(self.cookies)
        return session if session and session.lives else None

    @property
    def person(self) -> Session:
        """The session of somebody who is signed in.

        Raises:
            NotSignedIn: nobody is, or the tracking link has ended.
        """
        if self.session is None or not self.session.lives:
            raise NotSignedIn
        return self.session

    def follow_link(self) -> None:
        """Let the request be of the tracking link that was opened, if nobody is signed in, on pages of its order."""
        link = self.console.cookies.link_in(self.cookies)
        if self.session is None and link and link.subject == self.request.path_params.get("orderId"):
            self.session = link

    @cached_property
    def preferences(self) -> Preferences:
        """Language and colors."""
        return Preferences.of(self.cookies, self.request.headers.get("Accept-Language", ""))

    @property
    def texts(self) -> Texts:
        """The texts in the language of the page."""
        return self.console.renderer.texts[self.preferences.language]

    @property
    def query(self) -> QueryParams:
        """The query of the address."""
        return self.request.query_params

    def path_value(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])

    @property
    def path(self) -> str:
        """Path of the page as an address has it. Ids of other systems may contain any character."""
        return quote(self.request.scope["path"], safe=_OF_PATHS)

    @property
    def address(self) -> str:
        """Path and query of the page."""
        query = self.request.scope["query_string"].decode("latin-1")
        return f"{self.path}?{query}" if query else self.path

    @property
    def navigates(self) -> bool:
        """Whether the browser shows the answer, and no script takes it. Browsers that do not tell count as yes."""
        return self.request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"

    async def form_data(self) -> FormData:
        """Return the form that was sent.

        Raises:
            HTTPException: it is no form, or did not arrive in time.
        """
        try:
            async with asyncio.timeout(FORM_WITHIN):
                return await self.request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=LARGEST)
        except TimeoutError:
            # A client that keeps sending slowly would keep the connection.
            raise HTTPException(408, headers={"Connection": "close"}) from None

    async def form(self) -> dict[str, str]:
        """Return the fields of the form that was sent, without the blanks around them."""
        return sent(await self.form_data())

    @cached_property
    def api(self) -> Api:
        """The API, as the person reaches it."""
        return self.api_of(self.session.token if self.session else None)

    def api_of(self, token: str | None) -> Api:
        """Return the API, as somebody with a token reaches it."""
        headers = {"Accept-Language": self.preferences.language}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self.request.client:
            headers["X-Forwarded-For"] = self.request.client.host
        # A trace of the browser's goes on; whatever else it may have sent is dropped.
        _TRACE.inject(headers, _TRACE.extract({"traceparent": self.request.headers.get("traceparent", "")}))
        _TRACE.inject(headers)  # nothing, unless this process has spans of its own
        return Api(self.console.client, headers)

    # --- answers ------------------------------------------------------------------------------------------------------

    async def page(self, template: str, page: object, status: int = 200) -> Response:
        """Return a page."""
        response = HTMLResponse(self.console.renderer.render(template, page, await self._shell()), status)
        response.headers["Vary"] = "Cookie, Accept-Language"
        self.console.cookies.flash.clear(response, self.cookies)
        return response

    def redirect(self, path: str, flash: Flash | None = None) -> Response:
        """Return the answer that leads to a page of ours, which shows the sentence first."""
        response = RedirectResponse(path, 303)
        if flash is not None:
            self.console.cookies.keep(response, flash)
        return response

    async def _shell(self) -> Shell:
        settings, session = self.console.settings, self.session
        roles = frozenset(session.roles if session else ())
        outages = await self.console.availability.outages(roles)
        entries = self.console.table.menu(roles, limited=session is not None and session.limited)
        menu, section = menus(entries, self.path, self.texts)
        return Shell(
            preferences=self.preferences,
            languages=self.console.renderer.languages,
            menu=menu,
            section=section,
            person=session.name if session and not session.is_of_link else None,
            link=path_of("/orders", session.subject) if session and session.is_of_link else None,
            role=self.texts(labels.ACTOR[session.roles[0]]) if session and session.roles else None,
            outages=[self.texts(outage.text) for outage in outages],
            flash=self.console.cookies.flash_in(self.cookies),
            address=self.address if self.request.method in ("GET", "HEAD") else None,
            contact=Contact(settings.console_contact_phone, settings.console_contact_mail),
            development=settings.auth_issuer is None,
        )


def path_of_ours(target: str | None) -> str:
    """Return a path to which a browser may be sent after something was done: one of this console, or the start."""
    if not target or len(target) > _LONGEST_NEXT or not target.startswith("/"):
        return "/"
    if target.startswith("//") or "\\" in target or not target.isascii() or not target.isprintable():
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc else target


def menus(entries: Mapping[Entry, Sequence[Route]], path: str, texts: Texts) -> tuple[list[MenuItem], list[MenuItem]]:
    """Return the main menu at a path, and the pages of its current entry if there are several."""
    here = _longest_prefix(path, [route.path for routes in entries.values() for route in routes])
    menu: list[MenuItem] = []
    section: list[MenuItem] = []
    for entry, routes in entries.items():
        pages = [MenuItem(each.path, texts(each.entry.label), "", each.path == here) for each in routes if each.entry]
        current = any(page.current for page in pages)
        menu.append(MenuItem(routes[0].path, texts(entry.label), entry.icon, current))
        section += pages if current and len(pages) > 1 else []
    return menu, section


def _longest_prefix(path: str, candidates: list[str]) -> str | None:
    fitting = [one for one in candidates if path == one or path.startswith(f"{one}/")]
    return max(fitting, key=len, default=None)
