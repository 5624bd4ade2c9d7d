"""The plans of a region, of the real API: what they show, and what they say where something is missing."""

import re
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from httpx2 import Response

from console import lists
from tests.api.service import Service
from tests.console.browser import MANAGER, Pages, text_of
from tests.console.engineers.visits import GRID, ME, day, visit, window
from tests.days import today

LIMITED = "manager:KR-11"
AHEAD = 7
"""Days ahead of the visits: no window of that day has begun."""


def cells_of(page: Response, engineer: str) -> list[str]:
    """Return the texts of the cells of an engineer's row, without the labels of narrow pages."""
    [row] = [row for row in re.findall(r"(?s)<tr><th scope=\"row\">.*?</tr>", page.text) if f">{engineer}" in row]
    plain = re.sub(r'<span class="plan-label">.*?</span>', "", row)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in re.findall(r"(?s)<td.*?</td>", plain)]


def next_weekday(number: int) -> date:
    """Return the next Monday, or another day of the week, at least four days from now."""
    day = today() + timedelta(days=4)
    return day + timedelta(days=(number - day.weekday()) % 7)


async def make(service: Service, collection: str, **body: Any) -> None:
    answer = await service.http.post(f"/managementCenters/{collection}", json=body)
    assert answer.status_code == 201, answer.text


async def only(service: Service, **changes: Any) -> str:
    """Leave one engineer in the region who can be told from all others."""
    for one in (await service.http.get("/managementCenters/engineers?region=KR-11")).json()["items"]:
        await service.http.delete(f"/managementCenters/engineers/{one['engineerId']}")
    body = {"name": "한결", "region": "KR-11", **changes}
    return str((await service.http.post("/managementCenters/engineers", json=body)).json()["engineerId"])


async def test_a_day_shows_who_is_booked_who_is_off_and_who_is_free(bare: Pages) -> None:
    monday = next_weekday(0)
    engineer_id = await only(bare.service)
    ahead = (monday - today()).days
    await visit(bare, "o-1", window(9, ahead), "accept", engineer_id=engineer_id, engineer_name="한결", region="KR-11")
    morning = {"from": "13:00", "until": "15:00"}
    await make(bare.service, "daysOff", engineerId=engineer_id, hours=morning, **{"from": monday.isoformat()})

    page = await (await bare.person(MANAGER, "ko")).get(f"/day?date={monday}&region=KR-11")

    assert cells_of(page, "<a") == ["이서연 기사가 수락함", "방문 가능", "휴무", "방문 가능"]
    assert 'href="/orders/o-1"' in page.text
    assert f'href="/engineers/{engineer_id}"' in page.text
    assert "예약된 방문 1 0 0 0" in re.sub(r"\d\d:\d\d–\d\d:\d\d ", "", text_of(page))


async def test_a_week_shows_holiday_extra_shift_and_day_off(bare: Pages) -> None:
    monday = next_weekday(0)
    days = [(monday + timedelta(days=number)).isoformat() for number in range(7)]
    engineer_id = await only(bare.service, workingDays=["MON", "TUE", "WED", "THU", "FRI"])
    await make(bare.service, "daysOff", engineerId=engineer_id, **{"from": days[0]})
    await make(bare.service, "daysOff", region="KR-11", hours={"from": "09:00", "until": "11:00"}, **{"from": days[2]})
    await make(bare.service, "extraShifts", region="KR-11", **{"from": days[5]})
    holidays = {"items": [{"date": days[1], "name": "Moon Day", "localName": "달의 날"}], "nextCursor": None}
    bare.line.answers["GET /managementCenters/holidays"] = Response(200, json=holidays)

    page = await (await bare.person(LIMITED)).get(f"/week?from={days[3]}&region=KR-11")

    assert cells_of(page, "<a") == [
        "Day off",
        "Holiday",
        "Day off 09:00–11:00 3 free",
        "4 free",
        "4 free",
        "Extra shift 4 free",
        "– Does not work on this day",
    ]
    assert "Moon Day" in text_of(page)
    assert f'href="/day?date={days[6]}&amp;region=KR-11"' in page.text
    assert "You see the regions that you look after." in text_of(page)


async def test_what_a_plan_calls_free_the_management_center_offers(bare: Pages) -> None:
    monday, service = next_weekday(0), bare.service
    first = await service.hire(visitsPerWindow=2)
    await service.hire(workingDays=["TUE"])
    on = {"from": monday.isoformat()}
    await make(service, "daysOff", engineerId=first, hours={"from": "10:30", "until": "11:30"}, **on)
    await make(service, "extraShifts", region="KR-99", hours={"from": "12:00", "until": "17:00"}, **on)
    query = {"address": "Moon", "from": monday.isoformat(), "to": monday.isoformat()}
    offered = (await service.http.get("/managementCenters/slots", params=query)).json()["items"]

    page = await (await bare.person(MANAGER)).get(f"/day?date={monday}&region=KR-99")

    shown = re.findall(r">(\d\d:\d\d)–\d\d:\d\d</span><strong>(\d+)</strong>", page.text.partition("Free visits")[2])
    assert offered
    assert {start: int(free) for start, free in shown if free != "0"} == {
        f"{datetime.fromisoformat(slot['start']).astimezone(GRID.zone):%H:%M}": slot["free"] for slot in offered
    }


async def test_a_manager_of_some_regions_plans_these_alone(bare: Pages) -> None:
    await visit(bare, "o-busan", window(9, AHEAD), engineer_id="kr-26-1", region="KR-26")
    person = await bare.person(LIMITED)

    page = await person.get(f"/day?date={day(AHEAD)}")

    assert page.status_code == 200
    assert "Seoul" in text_of(page)
    assert "Busan" not in text_of(page)
    for path in ("/day", "/week"):
        assert (await person.get(f"{path}?region=KR-26")).status_code == 403
    assert (await (await bare.person(MANAGER)).get("/day?region=nowhere")).status_code == 400


async def test_a_visit_of_an_engineer_from_elsewhere_is_not_left_out(bare: Pages) -> None:
    await visit(bare, "o-1", window(9, AHEAD), engineer_id="guest", engineer_name="나그네", region="KR-11")

    page = await (await bare.person(LIMITED, "ko")).get(f"/week?from={day(AHEAD)}&region=KR-11")

    assert "나그네 근무 일정은 여기에 표시되지 않음" in text_of(page)
    assert 'href="/engineers/guest"' not in page.text
    assert 'href="/orders/o-1"' in page.text


@pytest.mark.parametrize("fails", [False, True], ids=["away", "failing"])
async def test_while_the_management_center_is_away_nobody_is_called_free(bare: Pages, *, fails: bool) -> None:
    await visit(bare, "o-1", window(9, AHEAD), region="KR-11")
    if fails:
        bare.line.answers["GET /managementCenters"] = Response(500, json={"type": "/problems/internal-error"})
    else:
        bare.line.cut.add("GET /managementCenters")

    for path in (f"/day?date={day(AHEAD)}", f"/week?from={day(AHEAD)}"):
        page = await (await bare.person(MANAGER)).get(f"{path}&region=KR-11")
        assert page.status_code == 200
        assert "Only booked visits are shown" in text_of(page)
        assert 'href="/orders/o-1"' in page.text
        assert 'class="plan-free"' not in page.text


async def test_where_there_is_nothing_to_show_it_is_said(bare: Pages) -> None:
    person, sunday = await bare.person(MANAGER), next_weekday(6)

    assert "Nobody works on this day" in text_of(await person.get(f"/day?date={sunday}&region=KR-11"))
    for path in ("/day", "/week"):
        nobody = await person.get(f"{path}?region=KR-99")
        assert "No engineer works in this region." in text_of(nobody)
        assert 'href="/engineers/new?region=KR-99"' in nobody.text
    bare.line.answers["GET /whoami"] = Response(200, json={"regions": []})
    for path in ("/day", "/week"):
        page = await person.get(path)
        assert "No region is yours to look after." in text_of(page)
        assert "None" not in text_of(page)


async def test_without_the_visits_there_is_no_plan(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.cut.add("GET /installations")

    assert (await person.get("/day")).status_code == 503


async def test_what_does_not_fit_is_said(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 1)
    for number, hour in enumerate((9, 11, 13, 15, 17, 19)):
        await visit(bare, f"o-{number}", window(hour, AHEAD), engineer_id=ME, region="KR-11")

    page = await (await bare.person(MANAGER)).get(f"/day?date={day(AHEAD)}&region=KR-11")

    assert "There is more than fits into one plan" in text_of(page)


@pytest.mark.parametrize("asked", ["", "yesterday", "9999-12-31", "0001-01-01"])
async def test_a_date_that_is_none_shows_today(bare: Pages, asked: str) -> None:
    person = await bare.person(MANAGER)

    for path in (f"/day?date={asked}", f"/week?from={asked}"):
        page = await person.get(path)
        assert page.status_code == 200
        assert ('<span class="badge moving">Today</span>' in page.text) or 'aria-current="date"' in page.text
