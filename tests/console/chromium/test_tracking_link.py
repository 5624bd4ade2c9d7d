"""A tracking link in a browser: with and without the script, its address stays nowhere after the button is pressed."""

import pytest
from playwright.async_api import Browser, expect

from harness.browser import PHONE, window
from harness.showcase import PERSON, Showcase
from harness.stack import Stack
from tests.console.chromium.people import follow, open_page


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
async def test_the_order_is_seen_at_its_usual_address_and_nobody_is_told_of_the_link(
    chromium: Browser, stack: Stack, showcase: Showcase, script: bool
) -> None:
    token, path = showcase.links["accepted"], f"/orders/{showcase.orders['accepted']}"
    told: list[str] = []
    async with window(chromium, stack.console_url, PHONE, java_script_enabled=script) as opened:
        page = opened.page
        page.on("request", lambda request: told.append(request.headers.get("referer", "")))
        await open_page(page, f"/t/{token}")
        await follow(page, page.get_by_role("button", name="내 신청 보기"))
        await expect(page.get_by_text(PERSON["customerName"])).to_be_visible()

        assert page.url == f"{stack.console_url}{path}"
        assert token not in await page.content()
        await follow(page, page.get_by_role("link", name="다시 확인"))
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert opened.errors_but_delays == []
    assert any(told)
    assert not [referer for referer in told if token[:20] in referer]
    logs = b"".join(stack.log(part).read_bytes() for part in ("console", "api"))
    assert token.encode() not in logs
