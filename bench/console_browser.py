"""What people see of the console: how soon a browser paints a page, and what it takes for that."""

import statistics
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Page

from bench.console_pages import ENGINEER, MANAGER
from harness.browser import DESK, PHONE, Appearance, window
from harness.views import signed_in
from harness.waiting import soon

_SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
"""Milliseconds, and bytes a second: as Lighthouse has it."""
_KEYS = "jjjjjkkkjj"
"""They go from row to row of a list."""
_MEASURE = """
window.measured = { shift: 0, slowest: 0, largest: 0, rows: [] };
const each = (type, note, options) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true, ...options });
each("layout-shift", (entry) => entry.hadRecentInput || (measured.shift += entry.value));
each("event", (entry) => (measured.slowest = Math.max(measured.slowest, entry.duration)), { durationThreshold: 16 });
each("largest-contentful-paint", (entry) => (measured.largest = entry.startTime));
"""
_WATCH_ROWS = """() => new MutationObserver((changes) => {
  for (const { addedNodes } of changes) for (const row of addedNodes) if (row.id) {
    const seen = [row.id.replace("order-", ""), Number(row.dataset.version)];
    requestAnimationFrame(() => requestAnimationFrame(() => measured.rows.push([...seen, Date.now() / 1000])));
  }
}).observe(document.querySelector("[data-rows]"), { childList: true })"""
_LOADED = """() => {
  const files = [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")];
  const foreign = files.filter(({ name }) => new URL(name).origin !== location.origin);
  const painted = performance.getEntriesByName("first-contentful-paint")[0].startTime;
  const bytes = files.reduce((sum, { transferSize }) => sum + transferSize, 0);
  return { painted, largest: measured.largest, requests: files.length, foreign: foreign.length, bytes };
}"""


@dataclass(frozen=True)
class Loaded:
    """Loading of a page by a browser that has nothing of it yet. Times are medians of several loads."""

    painted: float
    """Milliseconds until the first text is shown."""
    largest: float
    """Milliseconds until the largest part is shown."""
    requests: int
    foreign: int
    """Requests to others."""
    bytes: int
    """Everything that was sent, with headers."""


@dataclass(frozen=True)
class OpenBoard:
    """A board that is open in a browser."""

    page: Page

    async def delays(self, changes: Mapping[tuple[str, int], float]) -> Sequence[float]:
        """Wait until all changes of rows are on the screen, and return how many seconds each has taken.

        Raises:
            NotInTime: one has not come.
        """
        seen: dict[tuple[str, int], float] = {}

        async def complete() -> bool:
            for order_id, version, at in await self.page.evaluate("() => measured.rows"):
                seen.setdefault((order_id, version), at)
            return seen.keys() >= changes.keys()

        await soon(complete, every=0.1, what="all changes on the screen")
        return [seen[change] - began for change, began in changes.items()]

    async def shift(self) -> float:
        """Return by how much the page has moved without being touched (cumulative layout shift)."""
        return float(await self.page.evaluate("() => measured.shift"))

    async def slowest_key(self) -> float:
        """Go through the list by keys. Returns the milliseconds until the slowest was on the screen, at least 16."""
        for key in _KEYS:
            await self.page.keyboard.press(key)
        await self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
        return max(float(await self.page.evaluate("() => measured.slowest")), 16.0)


async def board_loads(running: Browser, url: str, times: int) -> Loaded:
    """Load the board on a desk so many times."""
    return await _loads(running, url, "/board", MANAGER, DESK, times)


async def day_loads(running: Browser, url: str, times: int) -> Loaded:
    """Load the engineer's day so many times, on a phone with a slow line."""
    return await _loads(running, url, "/today", ENGINEER, PHONE, times, slow=True)


@asynccontextmanager
async def open_board(running: Browser, url: str) -> AsyncIterator[OpenBoard]:
    """Open the board, and wait until it is live."""
    async with _page(running, url, MANAGER, DESK) as page:
        await page.goto("/board")
        await page.locator('.live-bar[data-state="live"]').wait_for()
        await page.evaluate(_WATCH_ROWS)
        yield OpenBoard(page)


async def _loads(
    running: Browser, url: str, path: str, person: str, appearance: Appearance, times: int, *, slow: bool = False
) -> Loaded:
    loads = []
    for _ in range(times):
        async with _page(running, url, person, appearance) as page:
            if slow:
                session = await page.context.new_cdp_session(page)
                await session.send("Network.enable")
                await session.send("Network.emulateNetworkConditions", _SLOW_4G)
            await page.goto(path)
            await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))")
            loads.append(await page.evaluate(_LOADED))
    return Loaded(
        painted=statistics.median(load["painted"] for load in loads),
        largest=statistics.median(load["largest"] for load in loads),
        requests=max(load["requests"] for load in loads),
        foreign=max(load["foreign"] for load in loads),
        bytes=max(load["bytes"] for load in loads),
    )


@asynccontextmanager
async def _page(running: Browser, url: str, person: str, appearance: Appearance) -> AsyncIterator[Page]:
    async with window(running, url, appearance) as opened:
        await opened.context.add_cookies(await signed_in(url, person))  # type: ignore[arg-type]
        await opened.context.add_init_script(_MEASURE)
        yield opened.page
        # A busy machine may answer that it has no time: then the page asks again.
        if errors := [error for error in opened.errors if not error.startswith("503 ")]:
            raise RuntimeError(f"the browser reports {errors}")
