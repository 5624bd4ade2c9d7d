"""What a key does in a form is what the form is for."""

import re

from playwright.async_api import Browser, expect

from harness.browser import DESK, window
from harness.showcase import NEIGHBOR, Showcase
from harness.stack import Stack
from harness.views import signed_in
from tests.console.chromium.people import enter, follow, open_page
from tests.eventually import PATIENCE


async def test_enter_in_a_field_places_the_order(chromium: Browser, stack: Stack, showcase: Showcase) -> None:
    async with window(chromium, stack.console_url, DESK) as opened:
        await opened.context.add_cookies(await signed_in(stack.console_url, "customer:enter"))  # type: ignore[arg-type]
        page = opened.page
        await open_page(page, "/orders/new")
        await page.get_by_role("radio", name="IPTV").check(force=True)
        await page.get_by_label("Address of the installation").fill(NEIGHBOR["address"])
        await follow(page, page.get_by_role("button", name="Show free times"))
        await page.get_by_label("Name", exact=True).fill(NEIGHBOR["name"])
        await page.get_by_label("Telephone").fill(NEIGHBOR["phone"])
        await enter(page, page.get_by_label("Telephone"))

        await expect(page).to_have_url(re.compile("/orders/(?!new)[^/]+$"), timeout=PATIENCE * 1000)
        assert opened.errors_but_delays == []


async def test_enter_in_a_field_enters_a_day_off_whatever_its_region(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with window(chromium, stack.console_url, DESK) as opened:
        await opened.context.add_cookies(await signed_in(stack.console_url, "manager:*"))  # type: ignore[arg-type]
        page = opened.page
        await open_page(page, "/days-off/new?region=KR-50&from=9999-12-31")
        await page.get_by_label("Who").select_option("*")
        await page.get_by_label("Reason").fill("Inventory")
        await enter(page, page.get_by_label("Reason"))

        # The day is too far away, and that is said by whoever enters it.
        await expect(page.locator("#from-error")).to_be_visible(timeout=PATIENCE * 1000)
