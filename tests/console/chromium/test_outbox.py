"""An engineer's report over a line that is cut: it waits in the page, is sent again, and counts once."""

import re

import httpx2
from playwright.async_api import Browser, Route, expect

from harness.browser import PHONE, window
from harness.showcase import ADDRESS, Showcase
from harness.stack import Stack
from harness.views import signed_in
from tests.eventually import PATIENCE, soon

expect.set_options(timeout=PATIENCE * 1000)

WAITS = "() => sessionStorage.getItem('outbox')"


async def lose_the_answer(route: Route) -> None:
    """Let a request arrive, and its answer not."""
    if route.request.method == "POST":
        await route.fetch(max_redirects=0)
        await route.abort()
    else:
        await route.continue_()


async def do_not_deliver(route: Route) -> None:
    """Let no form arrive."""
    await (route.abort() if route.request.method == "POST" else route.continue_())


async def test_a_report_whose_answer_was_lost_waits_and_counts_once(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    async with httpx2.AsyncClient(base_url=stack.url, timeout=PATIENCE, trust_env=False) as api:
        body = {"productId": "2001", "installationAddress": ADDRESS, "customerId": "outbox"}
        order_id = (await api.post("/orders", json=body | {"productName": "인터넷"})).json()["orderId"]

        async def accepted() -> bool:
            answer = await api.post(f"/installations/{order_id}/accept", json={})
            return answer.is_success

        await soon(accepted, every=0.2, what="accepted")
        async with window(chromium, stack.console_url, PHONE) as opened:
            page = opened.page
            cookies = await signed_in(stack.console_url, f"engineer:{showcase.engineer_id}")
            await opened.context.add_cookies(cookies)  # type: ignore[arg-type]
            await page.goto(f"/visits/{order_id}/complete")
            await page.get_by_label("일련번호 1", exact=True).fill("ONT-1")
            await page.route("**/complete", lose_the_answer)
            await page.get_by_role("button", name="설치 완료 보고").click()
            await expect(page.get_by_text("응답 대기")).to_be_visible()
            await page.unroute("**/complete")
            await page.get_by_role("button", name="지금 전송").click()
            await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_be_visible()
            await expect(page.get_by_text("응답 대기")).not_to_be_visible()
            await expect(page).not_to_have_title(re.compile("설치 완료 보고"))
            await expect(page.locator(".menu [aria-current=page]")).to_have_count(1)

        order = (await api.get(f"/orders/{order_id}")).json()
        installation = (await api.get(f"/installations/{order_id}")).json()
    assert [entry["event"] for entry in order["history"]].count("InstallationCompleted") == 1
    assert installation["serials"] == ["ONT-1"]


async def test_what_waits_goes_when_the_engineer_signs_out(chromium: Browser, stack: Stack, showcase: Showcase) -> None:
    async with window(chromium, stack.console_url, PHONE) as opened:
        page = opened.page
        cookies = await signed_in(stack.console_url, f"engineer:{showcase.engineer_id}")
        await opened.context.add_cookies(cookies)  # type: ignore[arg-type]
        await page.route("**/complete", do_not_deliver)
        await page.goto(f"/visits/{showcase.orders['started']}/complete")
        await page.get_by_role("button", name="설치 완료 보고").click()
        await expect(page.get_by_text("응답 대기")).to_be_visible()
        assert await page.evaluate(WAITS)

        await page.locator("[data-menu] summary").click()
        async with page.expect_navigation():
            await page.get_by_role("button", name="로그아웃").click()

        assert not await page.evaluate(WAITS)
