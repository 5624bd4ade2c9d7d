"""What an open page does by itself disturbs nobody: no older answer wins, and the focus stays where it is."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from babel.dates import format_timedelta
from playwright.async_api import Browser, Page, Request, Route, expect

from harness.browser import DESK, PHONE, Appearance, window
from harness.showcase import CUSTOMER, Showcase
from harness.stack import Stack
from harness.views import signed_in
from tests.eventually import PATIENCE

expect.set_options(timeout=PATIENCE * 1000)

CHANGES = "retry: 9999999\n\nevent: live\ndata:\n\nevent: row\ndata: a\n\nevent: row\ndata: b\n\n"
INTERVALS = (
    "const acts = []; window.setInterval = (act) => acts.push(act); window.pass = () => acts.forEach((act) => act());"
)
TELL = """(every) => {
  const now = Date.now();
  Date.now = () => now;
  const times = every.map((seconds) => {
    const time = document.body.appendChild(document.createElement("time"));
    [time.dataset.ago, time.dateTime] = ["", new Date(now - 1000 * seconds).toISOString()];
    return time;
  });
  window.pass();
  return times.map((time) => time.textContent);
}"""
"""Shows when something was, so many seconds ago, lets half a minute pass, and returns what is told."""
IS_UNFOLDED = "(summary) => summary.parentElement.open"
MARK = "(part) => { part.dataset.replaced = 'not'; }"


@asynccontextmanager
async def opened_by(person: str, chromium: Browser, stack: Stack) -> AsyncIterator[Page]:
    async with window(chromium, stack.console_url, PHONE) as opened:
        await opened.context.add_cookies(await signed_in(stack.console_url, person))  # type: ignore[arg-type]
        yield opened.page
        assert opened.errors_but_delays == []


async def tell_of_changes(route: Route) -> None:
    """Answer as a stream that tells of changes at once, and does not come back."""
    await route.fulfill(content_type="text/event-stream", body=CHANGES)


async def tell_of_nothing(route: Route) -> None:
    """Answer as a stream that tells of nothing, and does not come back."""
    await route.fulfill(content_type="text/event-stream", body="retry: 9999999\n\n")


async def test_a_day_that_is_looked_at_again_looks_once_at_a_time(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with opened_by(f"engineer:{showcase.engineer_id}", chromium, stack) as page:
        begun, most = 0, 0
        under_way: set[Request] = set()

        async def look(route: Route) -> None:
            nonlocal begun, most
            if route.request.is_navigation_request():
                await route.continue_()
                return
            begun += 1
            under_way.add(route.request)
            most, number = max(most, len(under_way)), begun
            # The page has taken all events when it has come to these.
            await page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
            await route.fulfill(content_type="text/html", body=f'<div data-agenda="">answer {number}</div>')
            under_way.remove(route.request)

        await page.route("**/today/live", tell_of_changes)
        await page.route("**/today", look)
        await page.goto("/today")
        await expect(page.get_by_text("answer 2")).to_be_visible()
        assert most == 1


async def test_a_day_that_is_looked_at_again_keeps_the_focus(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with opened_by(f"engineer:{showcase.engineer_id}", chromium, stack) as page:
        focused = asyncio.Event()

        async def tell(route: Route) -> None:
            await focused.wait()
            await tell_of_changes(route)

        await page.route("**/today/live", tell)
        await page.goto(f"/today?date={showcase.day}")
        day, accept = page.locator("[data-agenda]"), page.get_by_role("button", name="수락")
        await day.evaluate(MARK)
        await accept.first.focus()
        focused.set()

        await expect(page.locator("[data-replaced]")).to_have_count(0)
        await expect(accept.first).to_be_focused()


async def test_two_quick_taps_open_one_question(chromium: Browser, stack: Stack, showcase: Showcase) -> None:
    async with opened_by(f"customer:{CUSTOMER}", chromium, stack) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/cancel") else None)
        # Otherwise the page looks again meanwhile, and the link that is tapped may not be in it any more.
        await page.route("**/live", tell_of_nothing)
        await page.goto(f"/orders/{showcase.orders['accepted']}")
        link = page.get_by_role("link", name="신청 취소")
        await link.evaluate("(link) => { link.click(); link.click(); }")
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert len(asked) == 1

        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_have_count(0)
        await link.click()
        await expect(page.get_by_role("dialog")).to_be_visible()


async def test_numbers_that_follow_keep_the_focus_and_stay_unfolded_or_folded(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with opened_by("manager:*", chromium, stack) as page:
        heard = asyncio.Event()

        async def tell(route: Route) -> None:
            await heard.wait()
            row = '<tr id="order-x" data-version="1" data-fresh></tr>'
            await route.fulfill(content_type="text/event-stream", body=f"retry: 9999999\nevent: row\ndata: {row}\n\n")

        await page.route("**/board/live*", tell)
        await page.goto("/board")
        regions = page.locator("[data-numbers] details > summary")
        await page.locator("[data-numbers]").evaluate(MARK)
        before = await regions.evaluate(IS_UNFOLDED)
        await regions.click()
        heard.set()

        await expect(page.locator("[data-replaced]")).to_have_count(0)
        await expect(regions).to_be_focused()
        assert await regions.evaluate(IS_UNFOLDED) is not before


async def test_a_link_within_a_page_does_not_load_it_again(chromium: Browser, stack: Stack, showcase: Showcase) -> None:
    async with opened_by(f"engineer:{showcase.engineer_id}", chromium, stack) as page:
        await page.goto(f"/visits/{showcase.orders['started']}/complete")
        serial = page.get_by_label("일련번호 1", exact=True)
        await serial.fill("ONT-1")
        loads: list[str] = []
        page.on("request", lambda request: loads.append(request.url) if request.is_navigation_request() else None)
        await page.locator("a.skip").press("Enter")
        await expect(page).to_have_url(re.compile("#content$"))
        await page.evaluate("() => fetch('/today').then((answer) => answer.text())")  # the page would load before it

        assert loads == []
        await expect(serial).to_have_value("ONT-1")


@pytest.mark.parametrize("shown", [PHONE, DESK], ids=["ko", "en"])
async def test_how_long_ago_something_was_is_told_by_the_script_as_by_the_server(
    chromium: Browser, stack: Stack, shown: Appearance
) -> None:
    seconds = [20, 50, 52, 89, 3000, 3100, 5400, 72_000, 74_000, 86_400, 172_800, 518_400, 2_400_000, 40_000_000]
    async with window(chromium, stack.console_url, shown) as opened:
        await opened.page.add_init_script(INTERVALS)
        await opened.page.goto("/login")
        told = await opened.page.evaluate(TELL, seconds)
        assert opened.errors_but_delays == []

    language = shown.language
    assert told == [format_timedelta(-timedelta(seconds=one), add_direction=True, locale=language) for one in seconds]
