"""The open board follows what happens by itself: in place, without a reload, and after a break as well."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from playwright.async_api import Browser, Page, expect

from harness.asking import send
from harness.browser import Appearance, Window, window
from harness.showcase import NEIGHBOR, Showcase
from harness.stack import Stack
from harness.views import signed_in
from tests.console.chromium.people import follow, open_page
from tests.eventually import PATIENCE, soon

expect.set_options(timeout=PATIENCE * 1000)

SCREEN = Appearance("ko", "light", 1280)
SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
IDS = "(rows) => rows.map((row) => row.id)"


@dataclass
class Board:
    """The board in a browser, and the API through which others act."""

    window: Window
    api: httpx2.AsyncClient

    @property
    def page(self) -> Page:
        """The page of the board."""
        return self.window.page

    async def order(self) -> str:
        """Order as somebody else, and wait until the engineer is asked and the managers' view shows it."""
        body = {"productId": "2001", "productName": "인터넷", "customerId": "board"}
        placed = await send(self.api, "POST", "/orders", body | {"installationAddress": NEIGHBOR["address"]})
        order_id = str(placed["orderId"])

        async def requested() -> bool:
            shown = await self.api.get(f"/orderStatuses/{order_id}")
            return shown.is_success and shown.json()["status"] == "INSTALLATION_REQUESTED"

        await soon(requested, every=0.1, what=f"{order_id} requested")
        return order_id

    async def state(self, expected: str) -> None:
        """Wait until the page says that its connection is in this state."""
        await expect(self.page.locator(".live-bar")).to_have_attribute("data-state", expected)

    async def news(self, expected: str) -> None:
        """Wait until the page tells of new orders."""
        await expect(self.page.locator("[data-news]")).to_have_text(expected)

    async def rows(self) -> list[str]:
        """Return the rows, from top to bottom."""
        found: list[str] = await self.page.locator("[data-rows] tr").evaluate_all(IDS)
        return found


@asynccontextmanager
async def board(chromium: Browser, stack: Stack) -> AsyncIterator[Board]:
    async with (
        window(chromium, stack.console_url, SCREEN) as opened,
        httpx2.AsyncClient(base_url=stack.url, timeout=PATIENCE, trust_env=False) as api,
    ):
        await opened.context.add_cookies(await signed_in(stack.console_url, "manager:*"))  # type: ignore[arg-type]
        yield Board(opened, api)


async def test_changes_come_to_the_open_board_by_themselves(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with board(chromium, stack) as open_board:
        page, api = open_board.page, open_board.api
        order_id = await open_board.order()
        await open_page(page, "/board")
        await open_board.state("live")
        await page.evaluate("() => { window.notReloaded = true; }")
        row, before = page.locator(f"#order-{order_id}"), await open_board.rows()
        await expect(row).to_contain_text("기사 수락 대기")
        await row.locator(".opens").focus()

        # A change comes into its row, in its place, and the focus stays.
        await send(api, "POST", f"/installations/{order_id}/accept", {})
        await expect(row).to_contain_text("방문 확정")
        await expect(row.locator(".opens")).to_be_focused()
        assert await open_board.rows() == before

        # New orders are counted, and move nothing.
        new = [await open_board.order()]
        await open_board.news("새 신청 1건")
        new.append(await open_board.order())
        await open_board.news("새 신청 2건")
        assert await open_board.rows() == before

        # What happens during a pause, or while nobody looks, is there afterwards.
        await page.get_by_role("button", name="일시 중지").click()
        await open_board.state("paused")
        new.append(await open_board.order())
        await open_board.news("새 신청 2건")
        await page.get_by_role("button", name="일시 중지").click()
        await open_board.news("새 신청 3건")
        await page.evaluate(SET_HIDDEN, True)
        new.append(await open_board.order())
        await open_board.news("새 신청 3건")
        await page.evaluate(SET_HIDDEN, False)
        await open_board.news("새 신청 4건")
        await open_board.state("live")
        assert await page.evaluate("() => window.notReloaded")

        # They are shown as soon as somebody asks for them.
        await follow(page, page.locator("[data-news]"))
        shown = await open_board.rows()
        assert {f"order-{one}" for one in new} <= set(shown)
        assert len(shown) == len(before) + len(new)
        assert open_board.window.errors_but_delays == []


async def test_keys_lead_through_the_board_and_one_tells_the_others(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with board(chromium, stack) as open_board:
        page = open_board.page
        await open_page(page, "/board")
        rows = page.locator("[data-rows] .opens")
        for key, focused in (("j", rows.nth(0)), ("j", rows.nth(1)), ("k", rows.nth(0))):
            await page.keyboard.press(key)
            await expect(focused).to_be_focused()

        await page.keyboard.press("?")
        await expect(page.get_by_text("j 다음 신청")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_text("j 다음 신청")).not_to_be_visible()
        await page.keyboard.press("/")
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await page.keyboard.type("?j")
        await expect(page.get_by_role("searchbox")).to_have_value("?j")
        assert open_board.window.errors_but_delays == []
