"""People who use the console while it is replaced. Each page is opened as by a new browser, which has kept no file."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle
from uuid import uuid4

import httpx2

from harness.views import cookie_header
from harness.waiting import PATIENCE, soon

STYLED_BY = frozenset({"console.css", "console.js"})
"""Files without which a page is not whole."""
CUSTOMER = "visitor"
"""The customer who orders by forms."""
_FILE = re.compile(r'(?:href|src)="(/assets/([^/"]+)/([^/"#]+))')
_PAGES: Mapping[str, Sequence[str]] = {
    "manager:*": ("/board", "/attention", "/week"),
    "customer:1": ("/orders", "/orders/new"),
    "engineer:kr-11-1": ("/today",),
}
"""Pages by the people who open them."""
_ORDER = {"product": "2001", "productName": "internet", "address": "Seoul", "visit": "earliest"}
_CONTACT = {"name": "Visitor", "phone": "010-1234-5678"}
_BETWEEN_PAGES = 0.2
_MOST_TRIES = 50
_OF_CONSOLE = "Content-Security-Policy"
"""Header of every answer of a console, and of none of the balancer."""
_FOR_GOOD, _NOT_AT_ALL = "immutable", "no-store"

Files = Mapping[str, bytes]
"""The files of a release, by name."""


@dataclass
class Seen:
    """What people have seen."""

    releases: Mapping[str, Files]
    """The files of each release that may be seen, by the version that its pages name."""
    pages: Counter[str] = field(default_factory=Counter)
    """Pages by the version that they name."""
    failed: list[str] = field(default_factory=list)
    """Pages and forms that were not answered as they should be."""
    unstyled: list[str] = field(default_factory=list)
    """Files that a page names and that did not come."""
    misnamed: list[str] = field(default_factory=list)
    """Files that a browser would keep for good under the name of another one."""
    foreign: int = 0
    """Files that another release than the page's has sent."""
    ordered: list[str] = field(default_factory=list)
    """Ids of the orders that were acknowledged."""
    slow: int = 0
    """Answers of the console that the API is slow, and that people should try again."""
    looks: int = 0
    """Pages that were asked for, and forms that were sent."""


@dataclass
class Visitor:
    """Somebody who is signed in, and opens one page after the other."""

    http: httpx2.AsyncClient
    seen: Seen

    async def open(self, path: str) -> None:
        """Open a page, and load its files."""
        page = await self._ask("GET", path, HTTPStatus.OK)
        if page is None:
            return
        files = {match[1]: (match[2], match[3]) for match in _FILE.finditer(page.text)}
        versions = {version for version, _ in files.values()}
        if missing := STYLED_BY - {name for _, name in files.values()}:
            self.seen.unstyled.append(f"{path} does not name {', '.join(sorted(missing))}")
        self.seen.pages.update(versions)
        await asyncio.gather(*(self._load(path, version, name) for path, (version, name) in files.items()))

    async def order(self) -> None:
        """Send the form of an order."""
        answer = await self._ask("POST", "/orders", HTTPStatus.SEE_OTHER, {**_ORDER, **_CONTACT, "key": uuid4().hex})
        if answer is not None:
            self.seen.ordered.append(answer.headers["Location"].partition("?")[0].rpartition("/")[2])

    async def _ask(
        self, method: str, path: str, expected: HTTPStatus, form: Mapping[str, str] | None = None
    ) -> httpx2.Response | None:
        """Return the answer if it is as it should be. While the API is slow, the console asks people to try again."""
        for _ in range(_MOST_TRIES):
            self.seen.looks += 1
            try:
                answer = await self.http.request(method, path, data=form)
            except httpx2.TransportError as error:
                self.seen.failed.append(f"{method} {path}: {error!r}")
                return None
            if answer.status_code == expected:
                return answer
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or _OF_CONSOLE not in answer.headers:
                break
            self.seen.slow += 1
            await asyncio.sleep(_BETWEEN_PAGES)
        self.seen.failed.append(f"{method} {path}: {answer.status_code}")
        return None

    async def _load(self, path: str, version: str, name: str) -> None:
        try:
            file = await self.http.get(path)
        except httpx2.TransportError as error:
            self.seen.unstyled.append(f"{path}: {error!r}")
            return
        kept = file.headers.get("Cache-Control", "")
        if file.status_code != HTTPStatus.OK or file.content not in [of[name] for of in self.seen.releases.values()]:
            self.seen.unstyled.append(f"{path}: {file.status_code}, {len(file.content)} bytes")
        elif file.content == self.seen.releases.get(version, {}).get(name):
            # Without this, browsers would load the file with every page.
            if _FOR_GOOD not in kept:
                self.seen.misnamed.append(f"{path} is not kept: {kept}")
        else:
            self.seen.foreign += 1
            if kept != _NOT_AT_ALL:
                self.seen.misnamed.append(f"{path}, of another release: {kept}")


async def visit(visitor: Visitor, paths: Sequence[str], *, orders: bool, over: asyncio.Event) -> None:
    """Open pages in turn until it is over; after each of them, perhaps order."""
    for path in cycle(paths):
        if over.is_set():
            return
        await visitor.open(path)
        if orders:
            await visitor.order()
        await asyncio.sleep(_BETWEEN_PAGES)


@asynccontextmanager
async def visitors(url: str, seen: Seen, *, each: int) -> AsyncIterator[None]:
    """Let people use a console meanwhile.

    Args:
        url: URL of the console.
        seen: What they see is added to this.
        each: Number of people of each role. One more orders by forms.
    """
    over = asyncio.Event()
    people = [(person, paths, False) for person, paths in _PAGES.items()] * each
    async with asyncio.TaskGroup() as using:
        for person, paths, orders in [*people, (f"customer:{CUSTOMER}", ("/orders",), True)]:
            using.create_task(_use(url, seen, person, paths, orders=orders, over=over))
        try:
            yield
        finally:
            over.set()


async def _use(url: str, seen: Seen, person: str, paths: Sequence[str], *, orders: bool, over: asyncio.Event) -> None:
    headers = {"Cookie": await cookie_header(url, person), "Sec-Fetch-Site": "same-origin"}
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False) as http:
        await visit(Visitor(http, seen), paths, orders=orders, over=over)


async def until_seen(seen: Seen, pages: int) -> None:
    """Wait until so many more pages were asked for.

    Raises:
        NotInTime: nobody uses the console.
    """
    enough = seen.looks + pages

    async def looked() -> bool:
        return seen.looks >= enough

    await soon(looked, what=f"{pages} more pages")
