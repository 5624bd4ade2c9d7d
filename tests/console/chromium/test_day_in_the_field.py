"""The scenario, by the people themselves, in a real browser and in Korean: with a script, and without."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from harness.showcase import NEIGHBOR, Showcase
from harness.stack import Stack
from tests.console.chromium.people import SCREEN, follow, link_appears, open_page, order, people, press, says, tell
from tests.eventually import soon

REGION = "KR-26"
"""The region of the neighbor's address."""
WITH_AND_WITHOUT_A_SCRIPT = pytest.mark.parametrize("scripts", [True, False], ids=["with a script", "without a script"])


async def choose_another_time(page: Page, number: int) -> None:
    """Move the visit to one of the free windows, as soon as that can be done."""
    await link_appears(page, "방문 시간 변경")
    await press(page, "방문 시간 변경", "link")
    await page.get_by_role("radio").nth(number).check(force=True)
    await press(page, "방문 시간 변경")
    await says(page, "(으)로 변경했습니다")


async def who_comes(page: Page, *but: str) -> str:
    """Look at the order again until it names an engineer who is none of those. Returns the name."""

    async def named() -> str | None:
        await page.reload()
        found = re.search("설치기사: (.+)", await page.get_by_role("main").inner_text())
        return found[1].strip() if found and found[1].strip() not in but else None

    return await soon(named, every=0.5, what=f"another engineer than {but}") or ""


async def accept(page: Page, visit: str) -> None:
    """Accept a visit, as soon as one is asked to come."""

    async def asked() -> bool:
        await page.goto(visit)
        return await page.get_by_role("button", name="수락", exact=True).count() > 0

    await soon(asked, every=0.5, what=f"{visit} to accept")
    await tell(page, page.get_by_role("button", name="수락", exact=True), "방문을 수락했습니다.")


async def start(page: Page, visit: str) -> None:
    """Start a visit. It is on another day, so the page asks first."""
    await open_page(page, visit)
    await press(page, "설치 시작", "link")
    await says(page, "오늘 예정된 방문이 아닙니다.")
    await tell(page, page.get_by_role("button", name="설치 시작", exact=True), "설치를 시작했습니다.")


@WITH_AND_WITHOUT_A_SCRIPT
async def test_a_day_in_the_field_from_order_to_completion(
    chromium: Browser, stack: Stack, showcase: Showcase, *, scripts: bool
) -> None:
    async with people(chromium, stack.console_url, REGION, scripts=scripts) as everybody:
        customer = await everybody.sits_down("고객 2", "/orders/new")
        order_id = await order(customer)
        first = await who_comes(customer)
        visit = f"/visits/{order_id}"

        # The engineer finds the visit in the day's work, with the customer's note, and declines.
        engineer = await everybody.sits_down(first, "/today")
        to_answer = engineer.locator(f'section.urgent a[href="{visit}"]')

        async def found() -> bool:
            await engineer.reload()
            return await to_answer.count() > 0

        await soon(found, every=0.5, what="the visit among those to answer")
        await follow(engineer, to_answer)
        await says(engineer, NEIGHBOR["note"])
        await press(engineer, "거절", "link")
        await engineer.get_by_role("radio", name="이 시간에는 방문할 수 없습니다").check(force=True)
        declines = engineer.get_by_role("button", name="방문 거절")
        await tell(engineer, declines, "방문을 거절했습니다. 다른 기사에게 요청합니다.")

        # Another one is asked at once, and accepts; a manager gives the visit to the third.
        second = await who_comes(customer, first)
        await accept(await everybody.sits_down(second, visit), visit)
        manager = await everybody.sits_down("전국 담당자", "/board", SCREEN)
        await follow(manager, manager.locator(f'a.opens[href="/orders/{order_id}"]'))
        await press(manager, "기사 배정", "link")
        declined = manager.locator("li", has_text=first)
        await expect(declined).to_contain_text("이 신청을 거절했거나 응답하지 않음")
        third = manager.locator("ul.candidates > li", has_not_text=re.compile(f"{first}|{second}"))
        await third.get_by_role("radio").check(force=True)
        await press(manager, "배정")
        await says(manager, "기사를 배정했습니다.")
        engineer = await everybody.sits_down(await who_comes(customer, first, second), visit)
        await accept(engineer, visit)

        # The customer chooses another time. Then nobody is at home, and they agree on a third time.
        await choose_another_time(customer, 5)
        await accept(engineer, visit)
        await start(engineer, visit)
        await press(engineer, "설치 못함", "link")
        await engineer.get_by_role("radio", name="고객이 부재중입니다").check(force=True)
        fails = engineer.get_by_role("button", name="설치하지 못함 보고")
        await tell(engineer, fails, "보고했습니다. 고객이 다른 시간을 선택합니다.")
        await choose_another_time(customer, 7)
        await accept(engineer, visit)
        await start(engineer, visit)
        await press(engineer, "설치 완료", "link")
        await engineer.get_by_label("일련번호 1", exact=True).fill("ONT-2026-0003")
        completes = engineer.get_by_role("button", name="설치 완료 보고")
        await tell(engineer, completes, "설치 완료를 보고했습니다.")

        for page in (customer, manager):

            async def completed(page: Page = page) -> bool:
                await page.reload()
                return await page.locator("h1 + .badge, h1 .badge", has_text="개통 완료").count() > 0

            await soon(completed, every=0.5, what="the end of the order")
        await says(manager, "ONT-2026-0003")
        assert everybody.errors == []


@WITH_AND_WITHOUT_A_SCRIPT
async def test_a_customer_orders_moves_the_visit_and_cancels(
    chromium: Browser, stack: Stack, showcase: Showcase, *, scripts: bool
) -> None:
    async with people(chromium, stack.console_url, REGION, scripts=scripts) as everybody:
        page = await everybody.sits_down("고객 2", "/orders/new")
        await order(page)
        await choose_another_time(page, 5)
        await page.get_by_role("link", name="신청 취소").click()
        await page.get_by_role("textbox").fill(NEIGHBOR["reason"])
        await follow(page, page.get_by_role("button", name="신청 취소"))  # in a dialog, if there is a script
        await says(page, "취소 완료")
        assert everybody.errors == []
