"""The managers' board in a browser that nobody touches."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from playwright.async_api import Page, Route
from playwright.async_api import TimeoutError as NotShown

from harness.browser import DESK, Window, browser, window
from harness.views import signed_in
from harness.waiting import PATIENCE, NotInTime, soon

State = Literal["live", "away", "paused", "stopped"]
"""What the page says about its connection."""
_ROWS = "(rows) => rows.map((row) => [row.id.replace('order-', ''), Number(row.dataset.version)])"
_BETWEEN_LOOKS = 0.2
_MANAGER = "manager:*"


@dataclass
class Board:
    """The page, which is in English."""

    _window: Window

    @property
    def page(self) -> Page:
        """The page."""
        return self._window.page

    @property
    def exceptions(self) -> list[str]:
        """Errors of the script. That a server does not answer is none."""
        return [error for error in self._window.errors if error.startswith("exception")]

    async def open(self) -> None:
        """Open the page."""
        await self.page.goto("/board")
        await self.says("live")

    async def says(self, state: State) -> bool:
        """Wait until the page says this about its connection. Returns whether it does."""
        try:
            await self.page.locator(f'.live-bar[data-state="{state}"]').wait_for(timeout=PATIENCE * 1000)
        except NotShown:
            return False
        return True

    async def rows(self) -> list[tuple[str, int]]:
        """Return id and version of each order that is shown."""
        found: list[tuple[str, int]] = await self.page.locator("[data-rows] tr").evaluate_all(_ROWS)
        return [(order_id, version) for order_id, version in found]

    async def new_orders(self) -> int:
        """Return the number of new orders of which the page tells."""
        told = await self.page.locator("[data-news]").text_content() or ""
        return int(told.split()[0]) if told else 0

    async def shows(self, order_id: str, version: int) -> bool:
        """Wait until the page shows at least this version of an order. Returns whether it does."""

        async def shown() -> bool:
            return dict(await self.rows()).get(order_id, 0) >= version

        return await _in_time(shown, f"version {version} of {order_id}")

    async def warns(self, text: str, *, so: bool = True) -> bool:
        """Look at the board in another tab until it has a warning (or has it no more). Returns whether that is so."""
        tab = await self._window.context.new_page()

        async def warned() -> bool:
            await tab.goto("/board")
            return (await tab.get_by_text(text).count() > 0) is so

        try:
            return await _in_time(warned, text)
        finally:
            await tab.close()

    async def forget_the_last_event(self) -> None:
        """Plant a fault: the page does not send the number of the last event that it has seen."""
        await self.page.route("**/board/live?*", _without_the_last_event)


@asynccontextmanager
async def board_of(console_url: str) -> AsyncIterator[Board]:
    """Open a browser, signed in as the manager of the whole country.

    Raises:
        ProgramMissing: no browser is installed.
    """
    async with browser() as running, window(running, console_url, DESK) as opened:
        await opened.context.add_cookies(await signed_in(console_url, _MANAGER))  # type: ignore[arg-type]
        yield Board(opened)


async def _in_time(look: Callable[[], Awaitable[bool]], what: str) -> bool:
    try:
        return await soon(look, every=_BETWEEN_LOOKS, what=what)
    except NotInTime:
        return False


async def _without_the_last_event(route: Route) -> None:
    address, _, query = route.request.url.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "after"]
    headers = {name: value for name, value in route.request.headers.items() if name.lower() != "last-event-id"}
    await route.continue_(url=f"{address}?{urlencode(kept)}", headers=headers)
