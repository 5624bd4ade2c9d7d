"""The scenario, by the people themselves, in a real browser and in Korean: with a script, and without."""

from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import PHONE, window
from harness.showcase import NEIGHBOR, Showcase
from harness.stack import Stack
from tests.eventually import PATIENCE, soon

expect.set_options(timeout=PATIENCE * 1000)


async def press(page: Page, name: str, role: Literal["button", "link"] = "button") -> None:
    """Press a button or a link of the page, and wait for where it leads."""
    async with page.expect_navigation():
        await page.get_by_role("main").get_by_role(role, name=name, exact=True).click()


async def link_appears(page: Page, name: str) -> None:
    """Look at the page again until the order has come so far."""

    async def there() -> bool:
        await page.reload()
        return await page.get_by_role("main").get_by_role("link", name=name, exact=True).count() > 0

    await soon(there, every=0.5, what=name)


async def heading(page: Page, text: str) -> None:
    await expect(page.get_by_role("heading", level=1, name=text)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without a script"])
async def test_a_customer_orders_moves_the_visit_and_cancels(
    chromium: Browser, stack: Stack, showcase: Showcase, *, scripts: bool
) -> None:
    async with window(chromium, stack.console_url, PHONE, java_script_enabled=scripts) as opened:
        page = opened.page
        await page.goto("/orders/new")
        await press(page, "고객 2")
        await page.get_by_role("radio", name="인터넷").check(force=True)
        await page.get_by_label("설치 주소").fill(NEIGHBOR["address"])
        await press(page, "예약 가능한 시간 보기")
        await expect(page.get_by_text("서울특별시").first).to_be_visible()
        await page.get_by_role("radio").nth(2).check(force=True)
        await page.get_by_label("이름").fill(NEIGHBOR["name"])
        await page.get_by_label("전화번호").fill(NEIGHBOR["phone"])
        await press(page, "신청하기")

        await heading(page, "인터넷")
        await link_appears(page, "방문 시간 변경")
        await press(page, "방문 시간 변경", "link")
        await page.get_by_role("radio").nth(5).check(force=True)
        await press(page, "방문 시간 변경하기")
        await heading(page, "인터넷")
        await page.get_by_role("link", name="신청 취소").click()
        await page.get_by_role("textbox").fill(NEIGHBOR["reason"])
        async with page.expect_navigation():  # in a dialog, if there is a script
            await page.get_by_role("button", name="신청 취소").click()
        await expect(page.get_by_text("취소 완료").first).to_be_visible()
        assert opened.errors == []
