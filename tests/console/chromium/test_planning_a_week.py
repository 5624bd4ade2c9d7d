"""A manager plans the week of a region in the browser alone, and reads how it went."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from playwright.async_api import Browser, Locator, Page, expect

from console.texts import Texts
from domain.visits import VisitGrid
from harness.showcase import HIRED, RESIDENT, Showcase
from harness.stack import Stack
from tests.console.chromium.people import SCREEN, follow, heading, open_page, order, people, press, says
from tests.eventually import soon

REGION = "KR-30"
"""The region of the resident's address. No other test plans it."""
TEXTS = Texts("ko", VisitGrid().zone)
A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Week:
    """Next week, and the days of it on which something is planned."""

    monday: date
    holidays: frozenset[date]

    @property
    def saturday(self) -> date:
        return self.monday + timedelta(days=5)

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def workday(self) -> date:
        """The last day on which people work as usual."""
        days = [self.monday + timedelta(days=number) for number in range(5)]
        return next(day for day in reversed(days) if day not in self.holidays)


def start_of(day: date, hour: int) -> str:
    """Return the start of a window, as the API writes it."""
    at = datetime.combine(day, time(hour), TEXTS.zone).astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


async def go(page: Page, *names: str) -> None:
    """Go to a page by the menu, and by the menu of its section."""
    for name in names:
        await follow(page, page.get_by_role("navigation").get_by_role("link", name=name, exact=True))


async def holidays_to_come(page: Page) -> dict[date, Locator]:
    """Go to the holidays. Returns those of this year, or if none is left of the next one, with their links."""
    await go(page, "기사 관리", "공휴일")
    for _ in range(2):
        every = await page.get_by_role("main").locator("tr a > time").all()
        days = {date.fromisoformat(await one.get_attribute("datetime") or ""): one for one in every}
        if found := {day: one for day, one in days.items() if day > TEXTS.today() + 2 * A_WEEK}:
            return found
        await press(page, re.compile("→$"), "link")
    raise AssertionError("no holiday is left")


async def week_of(page: Page) -> Week:
    """Look at next week's plan of the region. Returns the week, with the holidays that the plan names."""
    await go(page, "일정 계획", "주별")
    await page.get_by_label("지역", exact=True).select_option(REGION)
    await press(page, "보기")
    await press(page, "다음 주", "link")
    monday = TEXTS.today() - timedelta(days=TEXTS.today().weekday()) + A_WEEK
    heads = page.locator("thead th[scope=col]")
    days = [monday + timedelta(days=number) for number in range(7)]
    named = [day for day in days if await heads.filter(has_text=TEXTS.day(day)).locator(".note").count()]
    return Week(monday, frozenset(named))


def planned(page: Page, engineer: str, day: date) -> Locator:
    """Return what the plan of a week says of an engineer on a day."""
    row = page.locator("tbody tr", has=page.get_by_role("rowheader", name=engineer))
    return row.locator("td", has=page.locator(".plan-label", has_text=TEXTS.day(day)))


async def hire(page: Page, name: str) -> None:
    """Hire an engineer who works from Monday to Friday."""
    await go(page, "기사 관리", "기사")
    await press(page, "기사 등록", "link")
    await page.get_by_label("이름", exact=True).fill(name)
    await page.get_by_label("지역", exact=True).select_option(REGION)
    await page.get_by_label("토", exact=True).uncheck(force=True)
    await press(page, "등록")
    await says(page, f"{name} 기사를 등록했습니다.")


async def enter(page: Page, kind: str, engineer: str, day: date, hours: tuple[str, str]) -> None:
    """Enter a day off or an extra shift on an engineer's page."""
    await go(page, "기사 관리", "기사")
    await page.get_by_label("지역", exact=True).select_option(REGION)
    await press(page, "보기")
    await press(page, engineer, "link")
    await press(page, kind, "link")
    await page.locator("#from").fill(day.isoformat())
    await page.locator("#since").fill(hours[0])
    await page.locator("#until").fill(hours[1])
    await press(page, kind)
    await says(page, TEXTS.day(day))


async def assign(page: Page, order_id: str, engineer: str) -> None:
    """Assign an engineer to an order, unless the visit is theirs already."""
    await open_page(page, f"/orders/{order_id}")
    await press(page, "기사 배정", "link")
    candidate = page.locator("ul.candidates > li", has_text=engineer).get_by_role("radio")
    if await candidate.is_enabled():
        await candidate.check(force=True)
        await press(page, "배정")
        await says(page, f"{engineer} 기사를 배정했습니다.")


async def show_week(page: Page, week: Week) -> None:
    await open_page(page, f"/week?region={REGION}&from={week.monday}")
    await heading(page, TEXTS.day(week.monday))


async def test_the_week_of_a_region_is_planned_in_the_browser_alone(
    chromium: Browser, stack: Stack, showcase: Showcase
) -> None:
    early, late = HIRED
    async with people(chromium, stack.console_url, REGION) as everybody:
        manager = await everybody.sits_down("전국 담당자", "/week", SCREEN)
        week = await week_of(manager)
        workday, saturday = week.workday, week.saturday

        # Two are hired. One has a morning of leave, and the other works on Saturday.
        for name in HIRED:
            await hire(manager, name)
        await enter(manager, "휴무 등록", late, workday, ("09:00", "13:00"))
        await enter(manager, "추가 근무 등록", early, saturday, ("09:00", "11:00"))
        await show_week(manager, week)
        await expect(planned(manager, late, workday)).to_contain_text("휴무 09:00–13:00")
        await expect(planned(manager, late, workday)).to_contain_text("2건 가능")
        await expect(planned(manager, early, saturday)).to_contain_text("추가 근무")
        await expect(planned(manager, early, saturday)).to_contain_text("1건 가능")

        # A customer orders twice, for the morning of the leave.
        customer = await everybody.sits_down("고객 3", "/orders/new")
        orders = [await order(customer, RESIDENT, start_of(workday, 9))]
        await open_page(customer, "/orders/new")
        orders.append(await order(customer, RESIDENT, start_of(workday, 9)))

        # One visit is given to who works on Saturday, and moved to it; the other to who has the afternoon alone.
        async def booked() -> bool:
            await show_week(manager, week)
            found = [manager.locator(f'.plan a[href="/orders/{order_id}"]') for order_id in orders]
            return all([await one.count() for one in found])

        await soon(booked, every=0.5, what="both visits in the plan")
        await assign(manager, orders[0], early)
        await show_week(manager, week)
        await follow(manager, manager.locator(f'.plan a[href="/orders/{orders[0]}"]'))
        await press(manager, "방문 시간 변경", "link")
        await manager.locator(f'input[value="{start_of(saturday, 9)}"]').check(force=True)
        await press(manager, "방문 시간 변경")
        await says(manager, f"{TEXTS.day(saturday)} 09:00–11:00(으)로 변경했습니다")
        await assign(manager, orders[1], late)

        async def moved() -> bool:
            await show_week(manager, week)
            visits = planned(manager, early, saturday), planned(manager, late, workday)
            found = [one.locator(f'a[href="/orders/{each}"]') for one, each in zip(visits, orders, strict=True)]
            return all([await one.count() for one in found])

        await soon(moved, every=0.5, what="both visits at their new times")
        await expect(planned(manager, early, saturday)).to_contain_text(f"09:00 {RESIDENT['name']}")
        await expect(planned(manager, late, workday)).to_contain_text(f"13:00 {RESIDENT['name']}")
        await expect(planned(manager, late, workday)).to_contain_text("1건 가능")

        # The next holidays are in the plans of their weeks, and nobody works then.
        holidays = await holidays_to_come(manager)
        day = min(holidays)
        await follow(manager, holidays[day])
        await manager.get_by_label("지역", exact=True).select_option(REGION)
        await press(manager, "보기")
        number = day.weekday() + 1
        await expect(manager.locator("thead th").nth(number).locator(".note")).not_to_be_empty()
        await expect(manager.locator("tfoot tr").last.locator("td").nth(number - 1)).to_have_text(re.compile("0$"))

        # The customer of one visit rings and cancels. The place is free again, and the week's statistics tell of it.
        await open_page(manager, f"/orders/{orders[1]}")
        await manager.get_by_role("link", name="신청 취소").click()
        await manager.get_by_role("textbox", name="사유").fill("이사합니다")
        await follow(manager, manager.get_by_role("button", name="신청 취소"))

        async def free() -> bool:
            await show_week(manager, week)
            return "2건 가능" in await planned(manager, late, workday).inner_text()

        await soon(free, every=0.5, what="the place of the canceled visit")
        await go(manager, "운영 관리", "통계")
        # To the end of the planned week, so that it does not matter if a week begins meanwhile.
        await manager.locator("#from").fill((week.monday - A_WEEK).isoformat())
        await manager.locator("#to").fill(week.sunday.isoformat())
        await manager.get_by_label("지역", exact=True).select_option(REGION)
        canceled = manager.locator(".sums li", has_text="취소 완료").locator("strong")

        async def counted() -> bool:
            await press(manager, "보기")
            return await canceled.count() > 0 and await canceled.inner_text() == "1"

        await soon(counted, every=0.5, what="the canceled order in the statistics")
        assert everybody.errors == []
