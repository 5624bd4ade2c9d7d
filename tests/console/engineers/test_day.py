"""An engineer's day: what is to be done next stands on top, and nothing of another's."""

import re
from datetime import timedelta

import pytest

from domain.visits import TimeWindow
from tests.console.browser import Pages, text_of
from tests.console.engineers.visits import day, visit, window

ENGINEER, ANOTHER = "engineer:kr-11-1", "engineer:kr-11-2"


KOREAN = "방문할 곳: 3건|이서연 고객님|고객 메모|010-1234-5678|지도|설치 완료|설치 못함|수락|거절"
ENGLISH = "Visits to make: 3|이서연 (customer)|Note of the customer|Map|Could not install|Accept|Decline"


@pytest.mark.parametrize(("language", "words"), [("ko", KOREAN), ("en", ENGLISH)])
async def test_the_day_has_the_visits_in_the_order_of_their_windows_and_what_is_begun_on_top(
    bare: Pages, language: str, words: str
) -> None:
    await visit(bare, "late", window(15))
    await visit(bare, "early", window(9), "accept")
    await visit(bare, "begun", window(11), "accept", "start")
    await visit(bare, "done", window(13), "accept", "complete")
    engineer = await bare.person(ENGINEER, language)

    page = await engineer.get("/today")

    assert page.status_code == 200
    cards = re.findall(r'<h3 id="visit-(\w+)"', page.text)
    assert cards == ["begun", "early", "late"]
    text = text_of(page)
    assert [word for word in words.split("|") if word not in text] == []
    assert 'href="tel:01012345678"' in page.text
    assert 'href="https://map.kakao.com/link/search/%EC%84%9C%EC%9A%B8%20%EC%A2%85%EB%A1%9C' in page.text
    assert page.text.count('rel="noopener noreferrer"') == len(cards)


@pytest.mark.parametrize(("language", "said"), [("ko", "이날은 방문이 없습니다."), ("en", "No visits on this day.")])
async def test_an_empty_day_says_so(bare: Pages, language: str, said: str) -> None:
    await visit(bare, "tomorrow", window(9, days=1), "accept")
    engineer = await bare.person(ENGINEER, language)

    for path in ("/today", f"/today?date={day(-7)}", "/today?date=nonsense", "/today?date=9999-12-31"):
        assert said in text_of(await engineer.get(path)), path
    assert said not in text_of(await engineer.get(f"/today?date={day(1)}"))


async def test_a_day_whose_work_is_done_says_so(bare: Pages) -> None:
    await visit(bare, "done", window(9), "accept", "complete")
    await visit(bare, "failed", window(11), "accept", "incomplete")

    text = text_of(await (await bare.person(ENGINEER)).get("/today"))

    assert "Nothing left to do on this day." in text
    assert "Reported 2 visits" in text
    assert "Not installed" in text


async def test_a_day_is_one_of_the_time_zone_of_the_visits(bare: Pages) -> None:
    midnight = window(0, days=3)
    await visit(bare, "first", TimeWindow(midnight.start, midnight.end))
    await visit(bare, "last", TimeWindow(midnight.start - timedelta(hours=2), midnight.start))
    engineer = await bare.person(ENGINEER)

    async def orders(path: str) -> list[str]:
        return re.findall(r'<h3 id="visit-(\w+)"', (await engineer.get(path)).text)

    assert await orders(f"/today?date={day(3)}") == ["first"]
    assert await orders(f"/today?date={day(2)}") == ["last"]


async def test_requests_of_other_days_and_visits_that_were_not_reported_are_not_overlooked(bare: Pages) -> None:
    await visit(bare, "asked", window(9, days=2))
    await visit(bare, "unplanned", None)
    await visit(bare, "forgotten", window(9, days=-1), "accept", "start")
    await visit(bare, "reported", window(11, days=-1), "accept", "complete")
    engineer = await bare.person(ENGINEER)

    page = await engineer.get("/today")

    assert "Answers needed for other days: 2" in text_of(page)
    assert "Not reported yet: 1" in text_of(page)
    for order_id in ("asked", "unplanned", "forgotten"):
        assert f'href="/visits/{order_id}"' in page.text
    assert "Time not set" in text_of(page)
    assert 'href="/visits/reported"' not in page.text


async def test_a_visit_that_was_moved_within_the_day_is_there_once(bare: Pages) -> None:
    await visit(bare, "moved", window(9), "accept")
    await visit(bare, "moved", window(13), round=2)
    await visit(bare, "given", window(9), "accept")
    await visit(bare, "given", window(9), round=2, engineer_id="kr-11-2")

    page = await (await bare.person(ENGINEER)).get("/today")

    assert page.text.count('href="/visits/moved"') == 1
    assert "Declined, canceled or moved 1 visit" in text_of(page)


async def test_another_engineer_sees_nothing_of_it(bare: Pages) -> None:
    await visit(bare, "mine", window(9), "accept")
    another = await bare.person(ANOTHER)

    assert "세종대로" not in (await another.get("/today")).text
    for path in ("/visits/mine", "/visits/mine/complete"):
        page = await another.get(path)
        assert (page.status_code, "세종대로" in page.text) == (404, False)


@pytest.mark.parametrize(("days", "shown"), [(6, True), (8, False)])
async def test_the_customer_is_shown_as_long_as_the_api_does(bare: Pages, days: int, shown: bool) -> None:
    await visit(bare, "old", window(9, days=-days), "accept", "complete", ago=timedelta(days=days))

    page = await (await bare.person(ENGINEER)).get("/visits/old")

    assert page.status_code == 200
    assert ("이서연" in page.text) is shown
    assert ("The customer is not shown any more" in text_of(page)) is not shown
    assert "ONT-1" in page.text


@pytest.mark.parametrize(("language", "said"), [("ko", "답변 필요"), ("en", "Needs your answer")])
async def test_a_visit_has_its_id_and_number_in_full(bare: Pages, language: str, said: str) -> None:
    order_id = "4f3a9e7b2481d9a6e5f0b1c2d3e4f506"
    await visit(bare, order_id, window(9))
    engineer = await bare.person(ENGINEER, language)

    alone, on_paper = text_of(await engineer.get(f"/visits/{order_id}")), text_of(await engineer.get("/today"))

    assert said in alone
    assert order_id in alone
    assert order_id[:8] in on_paper
    assert "010-1234-5678" in on_paper
