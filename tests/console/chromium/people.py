"""The people who use the console in a test, each at a browser of their own, and what they do on every page."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from playwright.async_api import Browser, Locator, Page, Response, expect

from harness.browser import PHONE, Appearance, Window, window
from harness.showcase import NEIGHBOR
from tests.eventually import PATIENCE, soon

expect.set_options(timeout=PATIENCE * 1000)

SCREEN = Appearance("ko", "light", 1280)
AGAIN = "다시 시도해 주세요"
"""What a page says while the service is too slow, and people should press again."""


@dataclass
class People:
    """The people."""

    browser: Browser
    url: str
    region: str
    """The region whose engineers can sign in."""
    scripts: bool
    _opened: AsyncExitStack
    _windows: list[Window] = field(default_factory=list)

    async def sits_down(self, name: str, path: str, appearance: Appearance = PHONE) -> Page:
        """Somebody opens a page, and signs in on the way."""
        opened = await self._opened.enter_async_context(
            window(self.browser, self.url, appearance, java_script_enabled=self.scripts)
        )
        self._windows.append(opened)

        async def signed_in() -> bool:
            await open_page(opened.page, f"/login?region={self.region}&next={path}")
            await press(opened.page, name)
            return "/login" not in opened.page.url

        await soon(signed_in, every=0.5, what=f"{name} is signed in")
        return opened.page

    @property
    def errors(self) -> list[str]:
        """What went wrong in any of the browsers. What the service was too slow for, pages ask for again."""
        return [error for opened in self._windows for error in opened.errors_but_delays]


@asynccontextmanager
async def people(browser: Browser, url: str, region: str, *, scripts: bool = True) -> AsyncIterator[People]:
    """Let people use a console, with or without its script."""
    async with AsyncExitStack() as opened:
        yield People(browser, url, region, scripts, opened)


async def open_page(page: Page, path: str) -> None:
    """Open a page, and look again while the service is too slow for it."""
    await _loaded(page, await page.goto(path))


async def follow(page: Page, link: Locator) -> None:
    """Press something, and wait for where it leads. Press it again while the page asks for that."""
    await _follow(page, link.click)


async def enter(page: Page, entry: Locator) -> None:
    """Press Enter in a field, and wait for where it leads, as `follow` does."""
    await _follow(page, lambda: entry.press("Enter"))


async def _follow(page: Page, press: Callable[[], Awaitable[None]]) -> None:
    async def led() -> bool:
        async with page.expect_navigation() as navigation:
            await press()
        answer = await navigation.value
        if answer.request.method == "POST":
            return answer.status != HTTPStatus.SERVICE_UNAVAILABLE
        await _loaded(page, answer)
        return True

    await soon(led, every=0.5, what=f"{page.url} leads on")


async def _loaded(page: Page, answer: Response | None) -> None:
    async def loaded() -> bool:
        nonlocal answer
        if answer is None or answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
            return True
        answer = await page.reload()
        return False

    await soon(loaded, every=0.5, what=page.url)


async def tell(page: Page, button: Locator, told: str) -> None:
    """Send an engineer's report until the page has told it. With a script, the page itself sends it again."""
    await button.click()
    said, asks = page.get_by_text(told), page.locator(".notice.refused, .message", has_text=AGAIN)
    while not await said.count():
        await expect(said.or_(asks).first).to_be_visible()
        if not await said.count():
            await follow(page, button)


async def press(page: Page, name: str | re.Pattern[str], role: Literal["button", "link"] = "button") -> None:
    """Press a button or a link of the page, and wait for where it leads."""
    await follow(page, page.get_by_role("main").get_by_role(role, name=name, exact=True))


async def link_appears(page: Page, name: str | re.Pattern[str]) -> None:
    """Look at the page again until a link is there."""

    async def there() -> bool:
        await page.reload()
        return await page.get_by_role("main").get_by_role("link", name=name, exact=True).count() > 0

    await soon(there, every=0.5, what=str(name))


async def heading(page: Page, text: str) -> None:
    """Wait for the heading of the page."""
    await expect(page.get_by_role("heading", level=1, name=text)).to_be_visible()


async def says(page: Page, text: str) -> None:
    """Wait until the page says something."""
    await expect(page.get_by_text(text).first).to_be_visible()


async def order(page: Page, customer: Mapping[str, str] = NEIGHBOR, window_start: str | None = None) -> str:
    """Order as a customer, for a window or for the third of those that are free. Returns the order's id."""
    await page.get_by_role("radio", name="인터넷").check(force=True)
    await page.get_by_label("설치 주소").fill(customer["address"])
    await press(page, "예약 가능한 시간 보기")
    await says(page, customer["region"])
    windows = page.get_by_role("radio")
    chosen = windows.nth(2) if window_start is None else page.locator(f'input[value="{window_start}"]')
    await chosen.check(force=True)
    await page.get_by_label("이름").fill(customer["name"])
    await page.get_by_label("전화번호").fill(customer["phone"])
    await page.get_by_label("기사에게 남길 말").fill(customer["note"])
    await press(page, "신청하기")
    await heading(page, "인터넷")
    return page.url.rpartition("/")[2].partition("?")[0]
