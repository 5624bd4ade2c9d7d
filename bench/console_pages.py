"""Pages of the console, as a browser loads them, one request at a time."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from urllib.parse import urlencode

from harness.http_client import Answer, Connection
from harness.views import cookie_header
from harness.waiting import PATIENCE

MANAGER, ENGINEER = "manager:*", "engineer:kr-11-1"
_ROW = b'<tr id="order-'
_CARD = b"<article"
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Page:
    """A page that one person looks at, and how long it took each time."""

    name: str
    path: str
    cookie: str = ""
    found: bytes = b""
    """What it has once for each thing that it shows."""
    form: Mapping[str, str] | None = None
    """What is entered, if it is the answer to a form."""
    took: list[float] = field(default_factory=list)
    """Seconds."""
    sent: int = 0
    """Bytes of its body on the way to the browser, compressed."""
    shown: int = 0
    """Number of things that it has shown."""

    async def load(self, connection: Connection) -> str:
        """Load it, also once more after each 503, and return its markup.

        Raises:
            RuntimeError: it could not be shown.
        """
        began = perf_counter()
        answer = await self._ask(connection)
        while answer.status == HTTPStatus.SERVICE_UNAVAILABLE and perf_counter() < began + PATIENCE:
            answer = await self._ask(connection)
        self.took.append(perf_counter() - began)
        return self._read(answer)

    async def _ask(self, connection: Connection) -> Answer:
        headers = {"Cookie": self.cookie, "Accept-Encoding": "gzip"}
        if self.form is None:
            return await connection.request("GET", self.path, headers=headers)
        return await connection.request("POST", self.path, urlencode(self.form).encode(), headers=headers | _FORM)

    def _read(self, answer: Answer) -> str:
        if answer.status != HTTPStatus.OK:
            raise RuntimeError(f"{self.name}: {answer.status}")
        self.sent = len(answer.body)
        body = gzip.decompress(answer.body) if answer.body.startswith(b"\x1f\x8b") else answer.body
        self.shown = body.count(self.found) if self.found else 0
        return body.decode()


async def pages(console_url: str) -> Sequence[Page]:
    """Sign in, and return the pages that are measured, the board first and what does nothing last."""
    manager, engineer = [await cookie_header(console_url, person) for person in (MANAGER, ENGINEER)]
    # Nobody has this name, so the whole view is searched.
    unknown = {"q": "독고탁"}
    return [
        Page("board", "/board", manager, _ROW),
        Page("attention", "/attention", manager, _ROW),
        Page("search, nothing found", "/search", manager, _ROW, form=unknown),
        Page("numbers of the board", "/board/counts?view=board", manager),
        Page("an engineer's day", "/today", engineer, _CARD),
        Page("/health/live", "/health/live"),
    ]


async def load_in_turns(each: Sequence[Page], connection: Connection, rounds: int) -> None:
    """Load each page so many times. The first time is not measured."""
    for number in range(rounds + 1):
        for page in each:
            await page.load(connection)
            if number == 0:
                page.took.clear()
