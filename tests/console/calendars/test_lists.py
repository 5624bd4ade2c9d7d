"""The lists of calendar entries, how an entry is removed, and the holidays."""

import re

import pytest
from httpx2 import Response

from console.managers import center
from tests.console.browser import MANAGER, Pages, text_of
from tests.console.calendars.entering import API, ELSEWHERE, ENGINEER, REGION, entered, entries, in_days

VISIT = {
    "orderId": "0123456789abcdef",
    "engineerId": ENGINEER,
    "engineerName": "이서연",
    "visit": {"start": "2026-12-01T00:00:00Z", "end": "2026-12-01T02:00:00Z"},
    "status": "ACCEPTED",
}


@pytest.mark.parametrize(
    ("path", "said"), [("/days-off", "등록된 휴무가 없습니다"), ("/extra-shifts", "등록된 추가 근무가 없습니다")]
)
async def test_an_empty_list_says_so(bare: Pages, path: str, said: str) -> None:
    assert said in text_of(await (await bare.person(MANAGER, "ko")).get(path))


async def test_a_list_begins_today_unless_earlier_days_are_asked_for(bare: Pages) -> None:
    await entered(bare, "/days-off", **{"from": in_days(-3), "reason": "Yesteryear"})
    await entered(bare, "/days-off", reason="Soon")
    person = await bare.person(MANAGER)

    now, everything = text_of(await person.get("/days-off")), text_of(await person.get("/days-off?from="))

    assert "Soon" in now
    assert "Yesteryear" not in now
    assert "Yesteryear" in everything


async def test_a_list_can_be_limited_to_an_engineer_or_to_a_whole_region(bare: Pages) -> None:
    await entered(bare, "/days-off", reason="Dentist")
    await entered(bare, "/days-off", engineerId=None, region=REGION, reason="Storm")
    person = await bare.person(MANAGER)

    of_engineer = await person.get(f"/days-off?engineerId={ENGINEER}")
    of_region = await person.get(f"/days-off?region={REGION}")

    assert ("Dentist" in of_engineer.text, "Storm" in of_engineer.text) == (True, False)
    assert ("Dentist" in of_region.text, "Storm" in of_region.text) == (False, True)
    assert "Remove the filter" in of_engineer.text


async def test_a_long_list_has_pages_with_its_filters(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center, "ROWS", 2)
    for _ in range(3):
        await entered(bare, "/days-off")
    person = await bare.person(MANAGER)

    first = await person.get(f"/days-off?engineerId={ENGINEER}")
    [following] = re.findall(r'href="(/days-off\?[^"]*cursor=[^"]*)"', first.text)
    second = await person.get(following.replace("&amp;", "&"))

    assert [page.text.count("/remove") for page in (first, second)] == [2, 1]
    assert f"engineerId={ENGINEER}" in following
    assert "To the first page" in text_of(second)


async def test_a_manager_sees_the_entries_of_their_regions_alone(bare: Pages) -> None:
    entry_id = await entered(bare, "/days-off", reason="Dentist")
    person = await bare.person(ELSEWHERE)

    listed = await person.get("/days-off")
    one = await person.get(f"/days-off/{entry_id}/remove")
    removed = await person.post(f"/days-off/{entry_id}/remove")

    assert "Dentist" not in listed.text
    assert "entries of your regions: Busan" in text_of(listed)
    assert one.status_code == 404
    assert "had been removed already" in text_of(await person.follow(removed))
    assert len(await entries(bare, "/days-off")) == 1


@pytest.mark.parametrize("path", API)
async def test_a_page_asks_before_an_entry_is_removed(bare: Pages, path: str) -> None:
    entry_id = await entered(bare, path, reason="Dentist")
    person, address = await bare.person(MANAGER), f"{path}/{entry_id}/remove"

    asked = await person.get(address)

    assert "Dentist" in text_of(asked)
    assert len(await entries(bare, path)) == 1
    assert "is removed" in text_of(await person.follow(await person.post(address)))
    assert await entries(bare, path) == []
    assert "had been removed already" in text_of(await person.follow(await person.post(address)))


async def test_a_removal_without_an_answer_can_be_sent_again(bare: Pages) -> None:
    entry_id = await entered(bare, "/days-off")
    person, address = await bare.person(MANAGER), f"/days-off/{entry_id}/remove"
    bare.line.cut.add("DELETE /")
    silent = await person.post(address)
    bare.line.cut.clear()

    assert silent.status_code == 503
    assert f'action="{address}"' in silent.text
    await person.follow(await person.post(address))
    assert await entries(bare, "/days-off") == []


async def test_the_visits_in_an_extra_shift_are_named_before_it_is_removed(bare: Pages) -> None:
    entry_id = await entered(bare, "/extra-shifts")
    over = VISIT | {"orderId": "fedcba9876543210", "status": "COMPLETED"}
    bare.line.answers["GET /installations"] = Response(200, json={"items": [VISIT, over], "nextCursor": None})
    person = await bare.person(MANAGER)

    page = await person.get(f"/extra-shifts/{entry_id}/remove")
    bare.line.answers.clear()
    bare.line.cut.add("GET /installations")
    silent = await person.get(f"/extra-shifts/{entry_id}/remove")

    assert "1 visit is booked on these days" in text_of(page)
    assert 'href="/orders/0123456789abcdef"' in page.text
    assert "fedcba9876543210" not in page.text
    assert "visits on these days cannot be shown now" in text_of(silent)


HOLIDAYS = [
    {"date": "2020-10-03", "name": "National Foundation Day", "localName": "개천절"},
    {"date": "2100-01-01", "name": "New Year's Day", "localName": "신정연휴"},
]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ko", ["2100년 공휴일", "1월 1일 (금)", "신정연휴"]),
        ("en", ["Holidays in 2100", "Fri, Jan 1", "New Year's Day"]),
    ],
)
async def test_the_holidays_of_a_year_are_in_the_language_of_the_page(
    bare: Pages, language: str, said: list[str]
) -> None:
    bare.line.answers["GET /managementCenters/holidays"] = Response(200, json={"items": HOLIDAYS, "nextCursor": None})

    page = await (await bare.person(MANAGER, language)).get("/holidays?year=2100")

    for each in said:
        assert each in text_of(page)
    assert ("신정연휴" in page.text) is (language == "ko")
    # An extra shift is offered for days to come alone, and a year that the API does not have is not.
    assert re.findall(r'/extra-shifts/new\?from=([^"]*)"', page.text) == ["2100-01-01"]
    assert re.findall(r'href="/holidays\?year=(\d+)"', page.text) == ["2099"]


async def test_a_holiday_leads_to_the_plan_of_its_week_if_there_is_one(bare: Pages) -> None:
    near, far = in_days(399), in_days(402)
    days = [{"date": day, "name": "A holiday", "localName": "공휴일"} for day in (near, far)]
    bare.line.answers["GET /managementCenters/holidays"] = Response(200, json={"items": days, "nextCursor": None})
    person = await bare.person(MANAGER)

    page = await person.get("/holidays")

    assert re.findall(r'href="(/week\?from=[^"]*)"', page.text) == [f"/week?from={near}"]


async def test_a_year_without_holidays_says_so_and_what_is_no_year_is_refused(bare: Pages) -> None:
    person = await bare.person(MANAGER)

    assert "No national holidays are kept for this year." in text_of(await person.get("/holidays"))
    assert [(await person.get(f"/holidays?year={year}")).status_code for year in ("2101", "soon", "2026.0")] == [
        400
    ] * 3
