"""Everything that can be seen of the console: each route of its table, for each role, in each state.

A page that somebody adds to the table is among them by itself. A new kind of placeholder in a path has to be added to
`Showcase.ids`.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import httpx2
from playwright.async_api import Browser, Response

from console.roles import Role
from console.routing import Route, RouteTable
from console.sealing import cookies_of
from harness import showcase
from harness.browser import Appearance, Window, window
from harness.showcase import Showcase
from harness.waiting import PATIENCE, soon

NOBODY = "nobody"
"""Not signed in."""
_PLACEHOLDER = re.compile(r"\{(\w+)(?::path)?\}")
_ACTED_ON = ("completed", "gone")
"""States of things to which empty forms are sent: nothing can be done to them any more."""
_NOT_SENT = frozenset({"/logout", "/preferences"})
_EMPTY = "empty"
_LIMITED = "limited"
"""A page about one thing, to a manager of one region."""
_BLANK = "/health/live"
"""A page of the console without anything on it."""
_SEND = """([path, fields]) => {
  const form = document.body.appendChild(document.createElement("form"));
  form.method = "post";
  form.action = path;
  for (const [name, value] of Object.entries(fields)) {
    const input = form.appendChild(document.createElement("input"));
    [input.type, input.name, input.value] = ["hidden", name, value];
  }
  form.submit();
}"""
_NO_ENTRIES = "without-entries"
_ENTRIES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "/orders/new": {
        "filled": {"product": "2001", "address": showcase.ADDRESS},
        "ambiguous-address": {"product": "2001", "address": showcase.WAITING["ambiguous"]},
        "unserved-address": {"product": "2001", "address": showcase.WAITING["no-area"]},
    },
    "/engineers": {
        "filled": {"name": "김하늘", "region": "KR-11", "from": "09:00", "until": "08:00", "visits": "many"}
    },
    "/days-off/new": {"refused": showcase.MISTAKEN_DAYS},
    "/extra-shifts/new": {"refused": showcase.MISTAKEN_DAYS},
    "/products/new": {"refused": {"productId": "2001", "localName": "인터넷"}},
    "/service-areas/new": {"refused": {"region": "KR-11", "words": "서울"}},
    "/event-subscriptions/new": {
        "filled": {"name": "billing", "url": "http://10.0.0.1:22", "atOnce": "17", "batch": "0", "start": "time"},
        "refused": {"name": "billing", "url": "http://10.0.0.1:22", "atOnce": "4", "batch": "1", "start": "end"},
    },
    "/search": {"found": {"q": showcase.PERSON["customerName"]}, "nothing-found": {"q": "홍길동"}},
}
"""What else is sent to a route than nothing, by state."""
_DAY_FIELDS: Mapping[str, str] = {"/week": "from"}
"""The parameter with the day, where it is not `date`."""


@dataclass(frozen=True)
class View:
    """A page, as one person sees it in one state."""

    role: str
    """A role, or `NOBODY`."""
    person: str | None
    """Whom to be, as `POST /login` takes it, or a role and the token of a tracking link."""
    method: str
    route: str
    path: str
    state: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """What is entered in a form."""

    @property
    def name(self) -> str:
        """Name of the view, also for a file."""
        page = _PLACEHOLDER.sub("", self.route).strip("/").replace("//", "/").replace("/", "-") or "start"
        sent = "-sent" if self.method == "POST" else ""
        return f"{self.role}-{page}{sent}-{self.state}".replace(" ", "-")

    def called(self, state: str) -> "View":
        """Return the same page in another state of the service."""
        return replace(self, state=state)


def views(table: RouteTable, shown: Showcase) -> list[View]:
    """Return all views."""
    return [view for route in table.routes for view in _of_route(route, shown)]


def few(every: Sequence[View]) -> list[View]:
    """Return a part of the views in which each route is there for each role and kind of state.

    Of the states of one order, a page that only asks something gets one; the order's own page gets all.
    """
    chosen: dict[tuple[str, ...], View] = {}
    for view in every:
        one_is_enough = "{" in view.route and not view.route.endswith("{orderId}")
        key = (view.role, view.method, view.route, "" if one_is_enough else view.state)
        chosen.setdefault(key, view)
    return list(chosen.values())


def dealt(every: Sequence[View], parts: int) -> list[list[View]]:
    """Return so many parts of the views, which have all of them together. The first view of each route is in each."""
    found: list[list[View]] = [[] for _ in range(parts)]
    routes: set[tuple[str, str]] = set()
    others = 0
    for view in every:
        if (view.method, view.route) in routes:
            found[others % parts].append(view)
            others += 1
            continue
        routes.add((view.method, view.route))
        for part in found:
            part.append(view)
    return found


def split(every: Sequence[View], parts: int) -> list[list[View]]:
    """Return so many parts of the views, each view in one.

    The views of a page take turns. The first views of the pages take turns, too: the first view is often the full one,
    and the second one the empty one, and each part should have both kinds.
    """
    found: list[list[View]] = [[] for _ in range(parts)]
    pages: dict[str, list[View]] = {}
    for view in every:
        pages.setdefault(view.route, []).append(view)
    for first, of_page in enumerate(pages.values()):
        for number, view in enumerate(of_page, start=first):
            found[number % parts].append(view)
    return found


def starts(table: RouteTable, every: Sequence[View]) -> list[View]:
    """Return the page on which each role begins."""
    where = {role: table.start_of([role]) for role in Role}
    return [view for view in every if view.state == "full" and (view.role, view.route) in where.items()]


def _of_route(route: Route, shown: Showcase) -> Iterator[View]:
    if route.path in _NOT_SENT or not _is_page(route.path):
        return
    for role in sorted(map(str, route.roles)) or [NOBODY]:
        if route.method == "POST":
            path = _acted_on(route.path, shown)
            for state, fields in {_NO_ENTRIES: {}, **_ENTRIES.get(route.path, {})}.items():
                yield View(role, _person(role, shown, _ACTED_ON[0]), "POST", route.path, path, state, fields)
            continue
        paths = list(_paths(route.path, shown))
        if role == Role.MANAGER and _PLACEHOLDER.search(route.path):
            paths.append((_LIMITED, paths[0][1]))
        for state, path in paths:
            yield View(role, _person(role, shown, state), "GET", route.path, path, state)


def _is_page(path: str) -> bool:
    return not path.endswith(("/live", "/counts", ".csv", ".ics"))


def _paths(path: str, shown: Showcase) -> Iterator[tuple[str, str]]:
    """Yield the states of a page, and where it is."""
    if placeholder := _PLACEHOLDER.search(path):
        for state, value in _ids(placeholder, shown).items():
            yield state, _filled(path.replace(placeholder[0], value), shown)
        yield "unknown", _filled(path.replace(placeholder[0], "no-such-thing"), shown)
    else:
        yield "full", f"{path}?{_DAY_FIELDS.get(path, 'date')}={shown.day}"
        yield _EMPTY, path


def _acted_on(path: str, shown: Showcase) -> str:
    """Return where a form is sent: to the order that nothing can be done to any more, or to the first other thing."""
    if not (placeholder := _PLACEHOLDER.search(path)):
        return path
    ids = _ids(placeholder, shown)
    spent = (ids[state] for state in _ACTED_ON if state in ids)
    return _filled(path.replace(placeholder[0], next(spent, None) or next(iter(ids.values()))), shown)


def _filled(path: str, shown: Showcase) -> str:
    """Return a path with the first thing of each kind in the placeholders that it has left."""
    return _PLACEHOLDER.sub(lambda placeholder: next(iter(_ids(placeholder, shown).values())), path)


def _ids(placeholder: re.Match[str], shown: Showcase) -> Mapping[str, str]:
    try:
        return shown.ids[placeholder[1]]
    except KeyError:
        raise ValueError(f"say in `Showcase.ids` what is shown for {placeholder[0]}") from None


def _person(role: str, shown: Showcase, state: str) -> str | None:
    people: Mapping[str, tuple[str, str]] = {
        Role.CUSTOMER: (showcase.CUSTOMER, showcase.NOBODYS_CUSTOMER),
        Role.MANAGER: ("*", showcase.QUIET_REGION),
        Role.ENGINEER: (shown.engineer_id, showcase.QUIET_ENGINEER),
    }
    if role == Role.TRACKER:
        return f"{role}:{shown.links.get(state) or next(iter(shown.links.values()))}"
    if state == _LIMITED:
        return f"{role}:{showcase.REGION}"
    return None if role == NOBODY else f"{role}:{people[role][state == _EMPTY]}"


@dataclass(frozen=True)
class Gallery:
    """The console in one window of a browser, for one view after the other."""

    window: Window
    """Its errors are those of the current view."""
    _url: str
    _cookies: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    async def show(self, view: View) -> Response | None:
        """Show a view, with no cookies but those of its person. Returns the answer."""
        page, context = self.window.page, self.window.context
        # What the previous view still does is not an error of this one.
        await page.goto(_BLANK)
        self.window.errors.clear()
        await context.clear_cookies()
        if view.person:
            await context.add_cookies(await self._cookies_of(view.person))  # type: ignore[arg-type]
        if view.method == "GET":
            return await page.goto(view.path)
        async with page.expect_navigation() as navigation:
            await page.evaluate(_SEND, [view.path, view.fields])
        return await navigation.value

    async def _cookies_of(self, person: str) -> list[dict[str, str]]:
        if person not in self._cookies:
            self._cookies[person] = await signed_in(self._url, person)
        return self._cookies[person]


@asynccontextmanager
async def gallery(browser: Browser, url: str, appearance: Appearance) -> AsyncIterator[Gallery]:
    """Open a window for the views of a console."""
    async with window(browser, url, appearance) as opened:
        yield Gallery(opened, url)


async def signed_in(url: str, person: str) -> list[dict[str, str]]:
    """Sign in as a person, or open a tracking link. Returns the cookies, as a browser takes them.

    While the API does not say in time who that is, the console asks people to try again: with a page, or by leading
    them to one without a session.

    Raises:
        RuntimeError: the console refuses.
        NotInTime: there is no session.
    """
    role, _, token = person.partition(":")
    path = f"/t/{token}" if role == Role.TRACKER else "/login"
    kept = ("session", "tracking")
    async with httpx2.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:

        async def cookies() -> list[dict[str, str]]:
            answer = await http.post(path, data={"person": person}, headers={"Sec-Fetch-Site": "same-origin"})
            if answer.status_code not in (HTTPStatus.SEE_OTHER, HTTPStatus.SERVICE_UNAVAILABLE):
                raise RuntimeError(f"{role} was not signed in: {answer.status_code}")
            pairs = cookies_of("; ".join(value.partition(";")[0] for value in answer.headers.get_list("set-cookie")))
            return [
                {"name": name, "value": value, "url": url} for name, value in pairs.items() if name.startswith(kept)
            ]

        return await soon(cookies, every=0.5, what=f"{role} is signed in")


async def cookie_header(url: str, person: str) -> str:
    """Sign in as a person, or open a tracking link. Returns the header `Cookie` of later requests."""
    return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in await signed_in(url, person))
