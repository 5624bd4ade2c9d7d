"""The console with 10,000 open orders: pages, what a browser shows of them, and open boards while orders change.

The aims are absolute, because people wait: they are those of an idle machine.
"""

import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from time import perf_counter
from uuid import uuid4

from playwright.async_api import Browser

from bench import console_browser, console_pages, machine, read_model
from bench.console_browser import OpenBoard
from bench.console_listeners import Changes, listening
from bench.console_pages import Page
from bench.report import Aim, Measurement, percentile
from domain.common import contexts
from domain.installation import RequestInstallation
from harness import browser, programs, stack
from harness.http_client import connections
from harness.process_usage import resident_mib
from harness.stack import Stack
from stores.common.database import Database
from stores.installation.installations import InstallationStore
from stores.order_status.view import OrderStatusStore

_ORDERS = 10_000
_ONE_OF = 10
"""One of so many orders waits for a person."""
_ROWS = 50
_A_SECOND = 10
"""Changes of orders."""
_LISTENERS = 100
"""Boards that are open. One more is open in the browser."""
_PAGES = {"board": (40, 120), "attention": (40, 120), "search, nothing found": (150, 150)}
"""The longest p50 and p99, in milliseconds."""
_KB = 1000
_FILES = {"console.css": 6, "console.js": 4}
"""Files that a page loads, and the largest size that is aimed at, in KB, compressed."""


@dataclass
class _Found:
    """What was measured."""

    measurement: Measurement

    def note(self, what: str, unit: str, measured: float, *, at_most: float | None = None) -> None:
        """Add a row, and an aim if there is one."""
        self.measurement.rows.append({"what": what, "unit": unit, "measured": measured})
        if at_most is not None:
            self.measurement.aims.append(Aim(f"{what}, {unit}", measured, at_most))


@dataclass
class _Board:
    """The board, as its page says where its stream is, and which orders it shows."""

    stream: str
    shown: Sequence[str] = field(default_factory=list)

    @classmethod
    def of(cls, markup: str) -> "_Board":
        """Read a page."""
        [(live, after)] = re.findall(r'data-live="([^"]+)" data-after="(\d+)"', markup)
        return cls(f"{unescape(live)}&after={after}", re.findall(r'<tr id="order-(\w+)"', markup))


async def measure(*, quick: bool) -> Measurement:
    """Measure pages, then a browser, then open boards."""
    count, rounds, loads, listeners, seconds = (500, 3, 1, 5, 1.0) if quick else (_ORDERS, 200, 5, _LISTENERS, 20.0)
    has_browser = programs.find(browser.PROGRAM) is not None
    without = "" if has_browser else f" (without a browser: {browser.PROGRAM} is not installed)"
    found = _Found(Measurement(f"The console with {count:,} open orders{without}"))
    async with AsyncExitStack() as things:
        # One manager asks far more than a person does. The orders have no workflows.
        environment = {"RATE_LIMIT_MANAGER": "0", "RATE_LIMIT_ENGINEER": "0"}
        running = await things.enter_async_context(
            stack.running("temporal", "migration", "api", engineers=1, environment=environment)
        )
        store = await things.enter_async_context(read_model.opened(running.settings))
        await read_model.fill(store, count, waiting_each=_ONE_OF)
        await _plan_day(running)
        began = perf_counter()
        await running.start("console")
        found.note("start until it is ready", "s", perf_counter() - began, at_most=3)
        board = await _pages(found, running, rounds)
        if has_browser:
            chromium = await things.enter_async_context(browser.browser())
            await _loads(found, running, chromium, loads)
            shown = await things.enter_async_context(console_browser.open_board(chromium, running.console_url))
        else:
            shown = None
        await _changes(found, running, store, board, shown, listeners, seconds)
        [console] = running.pids("console")
        found.note("memory", "MiB", resident_mib(console), at_most=120)
    return found.measurement


async def _plan_day(running: Stack) -> None:
    """Give the engineer a visit in each window of today."""
    grid, now = running.settings.booking_rules.grid, datetime.now(UTC)
    engineer_id = console_pages.ENGINEER.partition(":")[2]
    database = Database(running.settings.database_url(contexts.INSTALLATION), deadline_seconds=60)
    try:
        store = InstallationStore(database)
        for window in grid.windows_of(grid.day_of(now)):
            request = RequestInstallation(
                order_id=uuid4().hex,
                engineer_id=engineer_id,
                engineer_name="이서연",
                installation_address="서울특별시 강남구 테헤란로 152 강남파이낸스센터 20층",
                customer_name="김민준",
                contact_phone="010-1234-5678",
                product_name="internet",
                customer_note="벨을 누르지 말고 전화 주세요.",
                visit=window,
            )
            await store.request(request, now)
    finally:
        await database.dispose()


async def _pages(found: _Found, running: Stack, rounds: int) -> _Board:
    """Measure how long each page takes the console and the API, and its size. Returns the board."""
    address = running.settings.console_host, running.settings.console_port
    each = await console_pages.pages(running.console_url)
    async with connections(address, 1) as [connection]:
        await console_pages.load_in_turns(each, connection, rounds)
        board, attention, *_ = each
        markup = await board.load(connection)
        for page in each:
            _note_page(found, page)
        found.note("board, HTML", "KB compressed", board.sent / _KB, at_most=8)
        for name, most in _FILES.items():
            [path] = re.findall(rf'"(/assets/\w+/{re.escape(name)})"', markup)
            file = await connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            found.note(name, "KB compressed", len(file.body) / _KB, at_most=most)
    for page in (board, attention):
        if page.shown != _ROWS:
            raise RuntimeError(f"{page.name} shows {page.shown} orders")
    return _Board.of(markup)


def _note_page(found: _Found, page: Page) -> None:
    for name, share, at_most in zip(("p50", "p99"), (0.5, 0.99), _PAGES.get(page.name, (None, None)), strict=True):
        found.note(f"{page.name}, {name}", "ms", 1000 * percentile(page.took, share), at_most=at_most)


async def _loads(found: _Found, running: Stack, chromium: Browser, times: int) -> None:
    """Measure how a browser loads pages that it does not know yet."""
    board = await console_browser.board_loads(chromium, running.console_url, times)
    found.note("board in a browser, first text", "ms", board.painted, at_most=500)
    found.note("board in a browser", "requests", board.requests, at_most=3)
    found.note("board in a browser", "requests to others", board.foreign, at_most=0)
    day = await console_browser.day_loads(chromium, running.console_url, times)
    found.note("engineer's day on a slow line, largest part", "ms", day.largest, at_most=1500)
    found.note("engineer's day on a slow line", "KB in all", day.bytes / _KB, at_most=20)


async def _changes(
    found: _Found,
    running: Stack,
    store: OrderStatusStore,
    board: _Board,
    shown: OpenBoard | None,
    count: int,
    seconds: float,
) -> None:
    """Measure how soon changes are at the boards that are open, and what that costs the console and the API."""
    address = running.settings.console_host, running.settings.console_port
    cookie = (await console_pages.pages(running.console_url))[0].cookie
    orders = [(await store.get(order_id)).order for order_id in board.shown]
    async with listening(address, board.stream, cookie, count) as listeners:
        changes = Changes()
        pids = {kind: running.pids(kind) for kind in ("console", "api")}
        used, began = {kind: machine.cpu_seconds(each) for kind, each in pids.items()}, perf_counter()
        await changes.make(store, orders, rate=_A_SECOND, seconds=seconds)
        delays = [delay for each in listeners for delay in await each.delays(changes.by_number)]
        took = perf_counter() - began
        for kind, each in pids.items():
            share, most = (machine.cpu_seconds(each) - used[kind]) / took, 50 if kind == "console" else None
            found.note(
                f"{count} boards, {_A_SECOND} changes a second: {kind}", "% of a core", 100 * share, at_most=most
            )
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            at_most = 1.0 if name == "p95" else None
            found.note(f"a change at {count} boards, {name}", "s", percentile(delays, share), at_most=at_most)
        if shown is not None:
            on_screen = await shown.delays(changes.by_version)
            found.note("a change on the screen, p95", "s", percentile(on_screen, 0.95), at_most=1.0)
            found.note("shift of the layout meanwhile", "CLS", await shown.shift(), at_most=0.02)
            found.note("slowest of ten keys", "ms to the screen", await shown.slowest_key(), at_most=200)
