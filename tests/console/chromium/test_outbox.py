"""An engineer's report over a line that is cut: it waits in the page, is sent again, and counts once."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from harness.asking import send
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


async def do_not_answer(route: Route) -> None:
    """Let a form be on its way forever."""
    if route.request.method != "POST":
        await route.continue_()


@dataclass
class Engineer:
    """The engineer at a browser, and the API that takes the reports."""

    api: httpx2.AsyncClient
    page: Page
    context: BrowserContext
    cookies: list[Any]

    async def sign_in(self) -> None:
        """Sign in on another page than this one."""
        await self.context.add_cookies(self.cookies)

    async def accepted(self) -> str:
        """Return a new order whose visit is accepted."""
        body = {"productId": "2001", "installationAddress": ADDRESS, "customerId": "outbox"}
        order_id = str((await send(self.api, "POST", "/orders", body | {"productName": "인터넷"}))["orderId"])

        async def accepted() -> bool:
            answer = await self.api.post(f"/installations/{order_id}/accept", json={})
            return answer.is_success

        await soon(accepted, every=0.2, what="accepted")
        return order_id

    async def fill(self, order_id: str) -> None:
        """Fill in a report."""
        await self.page.goto(f"/visits/{order_id}/complete")
        await self.page.get_by_label("일련번호 1", exact=True).fill("ONT-1")

    async def press(self) -> None:
        """Send the report that is filled in."""
        await self.page.get_by_role("button", name="설치 완료 보고").click()

    async def report(self, order_id: str) -> None:
        """Fill in a report, and send it."""
        await self.fill(order_id)
        await self.press()

    async def counts_once(self, order_id: str) -> None:
        """Wait until the report has arrived, and look that it did so once."""

        async def completed() -> bool:
            return bool((await send(self.api, "GET", f"/orders/{order_id}"))["status"] == "JOIN_COMPLETED")

        await soon(completed, every=0.1, what="the report")
        order = await send(self.api, "GET", f"/orders/{order_id}")
        installation = await send(self.api, "GET", f"/installations/{order_id}")
        assert [entry["event"] for entry in order["history"]].count("InstallationCompleted") == 1
        assert installation["serials"] == ["ONT-1"]

    async def waits(self) -> None:
        """Wait until the page says that something waits."""
        await expect(self.page.get_by_text("응답 대기")).to_be_visible()

    async def nothing_waits(self) -> None:
        """Wait until the page does not say so."""
        await expect(self.page.get_by_text("응답 대기")).to_have_count(0)


@pytest_asyncio.fixture(loop_scope="session")
async def engineer(chromium: Browser, stack: Stack, showcase: Showcase) -> AsyncIterator[Engineer]:
    """The engineer, signed in."""
    cookies = await signed_in(stack.console_url, f"engineer:{showcase.engineer_id}")
    async with (
        httpx2.AsyncClient(base_url=stack.url, timeout=PATIENCE, trust_env=False) as api,
        window(chromium, stack.console_url, PHONE) as opened,
    ):
        engineer = Engineer(api, opened.page, opened.context, cookies)
        await engineer.sign_in()
        yield engineer


async def test_a_report_whose_answer_was_lost_waits_and_counts_once(engineer: Engineer) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await page.route("**/complete", lose_the_answer)
    await engineer.report(order_id)
    await engineer.waits()
    await page.unroute("**/complete")
    await page.get_by_role("button", name="지금 전송").click()
    await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_be_visible()
    await engineer.nothing_waits()
    await expect(page).not_to_have_title(re.compile("설치 완료 보고"))
    await expect(page.locator(".menu [aria-current=page]")).to_have_count(1)
    await engineer.counts_once(order_id)

    await page.evaluate("() => history.back()")
    await expect(page).to_have_url(re.compile(order_id))
    await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_have_count(0)


async def test_who_leaves_before_the_answer_keeps_the_report(engineer: Engineer) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await page.route("**/complete", do_not_answer)
    async with page.expect_request(lambda request: request.method == "POST"):
        await engineer.report(order_id)
    assert await page.evaluate(WAITS)
    await expect(page.locator(".notice")).to_have_count(0)

    await page.goto("/today")
    await page.unroute("**/complete")

    await engineer.counts_once(order_id)
    await engineer.nothing_waits()


async def test_what_arrives_later_does_not_replace_another_page(engineer: Engineer, showcase: Showcase) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await page.route("**/complete", do_not_deliver)
    await engineer.report(order_id)
    await engineer.waits()
    elsewhere = f"/visits/{showcase.orders['started']}"
    await page.goto(elsewhere)
    await engineer.waits()
    await page.unroute("**/complete")

    await page.get_by_role("button", name="지금 전송").click()

    await engineer.nothing_waits()
    await expect(page).to_have_url(re.compile(elsewhere))
    await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_have_count(0)
    await engineer.counts_once(order_id)


@pytest.mark.parametrize("status", [408, 429, 500, 504])
async def test_an_answer_that_does_not_tell_what_counts_keeps_the_report(
    engineer: Engineer, showcase: Showcase, status: int
) -> None:
    async def answer(route: Route) -> None:
        if route.request.method == "POST":
            await route.fulfill(status=status, content_type="text/html", body="<main><h1>오류</h1></main>")
        else:
            await route.continue_()

    page = engineer.page
    await page.route("**/complete", answer)
    await engineer.report(showcase.orders["started"])

    await engineer.waits()
    await expect(page.get_by_label("일련번호 1", exact=True)).to_have_value("ONT-1")


async def test_a_session_that_has_ended_leads_to_the_sign_in_and_the_report_goes_afterwards(engineer: Engineer) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await engineer.fill(order_id)
    await engineer.context.clear_cookies()
    await engineer.press()
    await expect(page).to_have_url(re.compile(rf"/login\?next=%2Fvisits%2F{order_id}%2Fcomplete$"))

    await engineer.sign_in()
    await page.goto(f"/visits/{order_id}/complete")

    await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_be_visible()
    await engineer.nothing_waits()
    await engineer.counts_once(order_id)


async def test_a_session_that_has_ended_leads_nobody_away_from_another_form(
    engineer: Engineer, showcase: Showcase
) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await page.route(f"**/{order_id}/complete", do_not_deliver)
    await engineer.report(order_id)
    await engineer.waits()
    await engineer.fill(showcase.orders["started"])
    await engineer.waits()
    await page.unroute(f"**/{order_id}/complete")
    await engineer.context.clear_cookies()
    async with page.expect_response(lambda answer: answer.status == 401):
        await page.get_by_role("button", name="지금 전송").click()

    await engineer.sign_in()
    await page.get_by_role("button", name="지금 전송").click()

    await engineer.nothing_waits()
    await expect(page.get_by_label("일련번호 1", exact=True)).to_have_value("ONT-1")
    await engineer.counts_once(order_id)


async def test_what_is_not_answered_holds_nothing_else_up(engineer: Engineer, showcase: Showcase) -> None:
    page, order_id = engineer.page, await engineer.accepted()
    await page.route(f"**/{showcase.orders['started']}/complete", do_not_deliver)
    await engineer.report(showcase.orders["started"])
    await engineer.waits()

    await engineer.report(order_id)

    await expect(page.get_by_text("설치 완료를 보고했습니다.")).to_be_visible()
    await engineer.waits()
    await engineer.counts_once(order_id)


async def test_what_waits_goes_when_the_engineer_signs_out(engineer: Engineer, showcase: Showcase) -> None:
    page = engineer.page
    await page.route("**/complete", do_not_deliver)
    await engineer.report(showcase.orders["started"])
    await engineer.waits()
    assert await page.evaluate(WAITS)

    await page.locator("[data-menu] summary").click()
    async with page.expect_navigation():
        await page.get_by_role("button", name="로그아웃").click()

    assert not await page.evaluate(WAITS)
