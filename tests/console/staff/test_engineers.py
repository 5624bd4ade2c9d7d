"""Engineers: whom a manager sees, hires, changes and retires, and what must not happen meanwhile."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest

from console.managers import center
from domain.management_center.staff import Weekday
from tests.console.browser import MANAGER, Browser, Pages, form_of, text_of
from tests.console.engineers.visits import GRID, ME, day, visit, window

LIMITED = "manager:KR-11"
API = "/managementCenters/engineers"
NEW = {
    "name": "한결",
    "region": "KR-11",
    "skills": "iptv, fiber，fiber",
    "from": "08:30",
    "until": "17:00",
    "visits": "2",
    "key": "one",
}
WORKED = {"on-MON": "1", "on-SAT": "1"}


async def engineer(pages: Pages, engineer_id: str = ME) -> dict[str, Any]:
    found: dict[str, Any] = (await pages.service.http.get(f"{API}/{engineer_id}")).json()
    return found


async def count(pages: Pages) -> int:
    return len((await pages.service.http.get(API, params={"limit": 200})).json()["items"])


async def question(person: Browser, act: str, engineer_id: str = ME) -> dict[str, str]:
    """Return the form of an act, as the person's browser would send it."""
    path = f"/engineers/{engineer_id}/{act}"
    return form_of(await person.get(path), path)


# --- the list ---------------------------------------------------------------------------------------------------------


async def test_the_list_has_filters_and_pages_and_says_when_it_is_empty(
    bare: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(center, "ROWS", 1)
    person = await bare.person(MANAGER)

    first = await person.get("/engineers?region=KR-11")
    [following] = re.findall(r'href="(/engineers\?[^"]*cursor=[^"]*)"', first.text)
    second = await person.get(following.replace("&amp;", "&"))

    named = [re.findall(r"<strong>([^<]+)</strong></a>", page.text) for page in (first, second)]
    assert [len(names) for names in named] == [1, 1]
    assert named[0] != named[1]
    assert 'href="/engineers?region=KR-11"' in second.text  # the first page
    assert "No engineer meets these filters." in text_of(await person.get("/engineers?active=false"))
    assert (await person.get("/engineers?region=nowhere")).status_code == 400


async def test_a_manager_of_some_regions_sees_and_reaches_these_alone(bare: Pages) -> None:
    person = await bare.person(LIMITED)

    listed = await person.get("/engineers")
    assert "Seoul" in text_of(listed)
    assert "Busan" not in text_of(listed)
    assert "You see the regions that you look after." in text_of(listed)
    assert "Busan" not in text_of(await person.get("/engineers/new"))
    for act in ("", "/change", "/retire"):
        assert (await person.get(f"/engineers/kr-26-1{act}")).status_code == 404
    elsewhere = await person.post("/engineers", NEW | {"region": "KR-26"})
    assert elsewhere.status_code == 403
    assert 'value="한결"' in elsewhere.text
    moved = await person.post(f"/engineers/{ME}/change", await question(person, "change") | {"region": "KR-26"})
    assert moved.status_code == 403
    assert (await engineer(bare))["region"] == "KR-11"


# --- hiring -----------------------------------------------------------------------------------------------------------


async def test_an_engineer_is_hired_as_entered_and_shown_with_the_week(bare: Pages) -> None:
    person = await bare.person(MANAGER, "ko")
    asked = form_of(await person.get("/engineers/new?region=KR-26"), "/engineers")
    assert asked.pop("key")
    assert asked == {
        "name": "",
        "region": "KR-26",
        "skills": "",
        "from": "09:00",
        "until": "18:00",
        "visits": "",
        **{f"on-{day}": "1" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT")},
    }

    done = await person.post("/engineers", NEW | WORKED)

    page = await person.follow(done)
    assert "한결 기사를 등록했습니다." in text_of(page)
    assert "계정의 subject가 아래 기사 번호와 같아야 합니다." in text_of(page)
    assert "2건 가능" in text_of(await person.get(f"{done.headers['Location']}?from={day(7)}"))
    made = await engineer(bare, done.headers["Location"].rpartition("/")[2])
    made.pop("engineerId")
    assert made == {
        "name": "한결",
        "region": "KR-11",
        "active": True,
        "skills": ["fiber", "iptv"],
        "workingDays": ["MON", "SAT"],
        "workingHours": {"from": "08:30", "until": "17:00"},
        "visitsPerWindow": 2,
    }


REFUSED: list[tuple[dict[str, str], list[str]]] = [
    ({"name": ""}, ["name"]),
    ({"region": ""}, ["region"]),
    ({"from": "", "until": ""}, ["from", "until"]),
    ({"until": "08:30"}, ["until"]),
    ({"visits": "0"}, ["visits"]),
    ({"visits": "101"}, ["visits"]),
    ({"visits": "two"}, ["visits"]),
    ({"name": "x" * 201}, ["name"]),
    ({"skills": "x" * 51}, ["skills"]),
    ({"skills": "fiber, \u200b"}, ["skills"]),
    ({"region": "Seoul"}, ["region"]),
    ({"from": "later"}, ["from"]),
]


async def test_what_cannot_be_accepted_is_said_at_its_field_and_nothing_is_lost(bare: Pages) -> None:
    before, person = await count(bare), await bare.person(MANAGER)

    for entered, fields in REFUSED:
        answer = await person.post("/engineers", NEW | WORKED | entered)
        assert answer.status_code == 422
        assert re.findall(r'id="(\w+)-error"', answer.text) == fields
        assert form_of(answer, "/engineers") == {**NEW, **WORKED, **entered}
    assert await count(bare) == before


async def test_an_engineer_is_hired_once_when_the_form_is_sent_again_after_no_answer(bare: Pages) -> None:
    before, person = await count(bare), await bare.person(MANAGER)
    bare.line.unanswered.add(f"POST {API}")

    answer = await person.post("/engineers", NEW | WORKED)

    assert answer.status_code == 503
    assert form_of(answer, "/engineers") == NEW | WORKED
    bare.line.unanswered.clear()
    changed = await person.post("/engineers", NEW | WORKED | {"name": "두결"})
    assert changed.status_code == 422
    assert "This was added already, with what you had entered before" in text_of(changed)
    assert form_of(changed, "/engineers")["key"] not in ("", "one")
    done = await person.post("/engineers", NEW | WORKED)
    assert "한결" in text_of(await person.follow(done))
    assert await count(bare) == before + 1


async def test_while_the_api_is_away_what_was_entered_is_shown_again(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    asked = await question(person, "change")
    bare.line.cut |= {"GET /whoami", "GET /managementCenters", "POST /managementCenters"}

    hired = await person.post("/engineers", NEW | WORKED)
    changed = await person.post(f"/engineers/{ME}/change", asked | {"name": "한결"})

    assert (hired.status_code, changed.status_code) == (503, 503)
    assert form_of(hired, "/engineers") == NEW | WORKED
    assert form_of(changed, f"/engineers/{ME}/change") == asked | {"name": "한결"}


# --- changing ---------------------------------------------------------------------------------------------------------


async def test_only_what_was_changed_is_sent_and_it_is_said_when_visits_move(bare: Pages) -> None:
    person, before = await bare.person(MANAGER), await engineer(bare)
    asked = await question(person, "change")

    page = await person.follow(await person.post(f"/engineers/{ME}/change", asked | {"skills": "fiber"}))
    assert "Saved. Visits" not in text_of(page)
    assert await engineer(bare) == before | {"skills": ["fiber"]}

    asked = await question(person, "change")
    page = await person.follow(await person.post(f"/engineers/{ME}/change", asked | {"skills": ""}))
    assert "Saved. Visits that the engineer can no longer make go to other engineers." in text_of(page)

    asked = await question(person, "change")
    del asked["on-MON"]
    page = await person.follow(await person.post(f"/engineers/{ME}/change", asked | {"visits": ""}))
    assert "Saved. Visits that the engineer can no longer make go to other engineers." in text_of(page)
    assert (await engineer(bare))["workingDays"] == before["workingDays"][1:]

    bare.line.carried.clear()
    same = await person.follow(await person.post(f"/engineers/{ME}/change", await question(person, "change")))
    assert "There was nothing to change." in text_of(same)
    assert [request.method for request in bare.line.carried if request.method == "PATCH"] == []


async def test_what_somebody_else_has_changed_is_not_overwritten(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    path, asked = f"/engineers/{ME}/change", await question(person, "change")
    await bare.service.http.patch(f"{API}/{ME}", json={"skills": ["iptv"]})

    refused = await person.post(path, asked | {"name": "한결"})

    assert refused.status_code == 409
    assert "Somebody else has changed this engineer" in text_of(refused)
    assert "iptv" in text_of(refused)
    assert (await engineer(bare))["name"] != "한결"
    again = form_of(refused, path)
    assert again == asked | {"name": "한결", "seen": again["seen"]}
    assert (await person.post(path, again)).status_code == 303
    assert (await engineer(bare))["skills"] == []


async def test_an_engineer_can_be_made_inactive_and_active_again(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), f"/engineers/{ME}/change"
    asked = await question(person, "change")
    del asked["active"]

    page = await person.follow(await person.post(path, asked))

    assert "An engineer who is not active is assigned to nothing" in text_of(page)
    assert 'class="plan-free"' not in page.text
    assert not (await engineer(bare))["active"]
    await person.post(path, await question(person, "change") | {"active": "1"})
    assert (await engineer(bare))["active"]


# --- retiring ---------------------------------------------------------------------------------------------------------


async def test_retiring_tells_which_visits_go_elsewhere_before_it_is_done(bare: Pages) -> None:
    await visit(bare, "o-ahead", window(9, 7), "accept", region="KR-26")
    await visit(bare, "o-done", window(11, 7), "accept", "complete")
    await visit(bare, "o-over", window(9, -7), "accept")
    person, path = await bare.person(MANAGER), f"/engineers/{ME}/retire"

    asked = await person.get(path)

    assert re.findall(r'href="/orders/([\w-]+)"', asked.text) == ["o-ahead"]
    assert "1 booked visit goes to another engineer" in text_of(asked)
    assert (await engineer(bare))["active"]
    done = await person.follow(await person.post(path, form_of(asked, path)))
    assert "has retired" in text_of(done)
    assert (await bare.service.http.get(f"{API}/{ME}")).status_code == 404


async def test_nobody_retires_whose_visits_were_not_looked_at(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), f"/engineers/{ME}/retire"
    asked = form_of(await person.get(path), path)
    await visit(bare, "o-new", window(9, 7))

    for fields in (asked, {}):
        refused = await person.post(path, fields)
        assert refused.status_code == 409
        assert "o-new" in refused.text
        assert (await engineer(bare))["active"]


async def test_a_retirement_without_an_answer_may_be_sent_again(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), f"/engineers/{ME}/retire"
    asked = form_of(await person.get(path), path)
    bare.line.unanswered.add(f"DELETE {API}")

    silent = await person.post(path, asked)
    assert silent.status_code == 503
    assert "did not answer" in text_of(silent)
    again = await person.follow(await person.post(path, form_of(silent, path)))

    assert "The engineer has retired already." in text_of(again)


# --- one engineer -----------------------------------------------------------------------------------------------------


async def test_the_engineers_week_has_the_visits_of_every_region_and_the_regions_days_off(bare: Pages) -> None:
    await visit(bare, "o-1", window(9, 7), "accept", region="KR-26")
    await bare.service.http.patch(f"{API}/{ME}", json={"workingDays": list(Weekday)})
    body = {"region": "KR-11", "from": day(7), "hours": {"from": "13:00", "until": "15:00"}}
    assert (await bare.service.http.post("/managementCenters/daysOff", json=body)).status_code == 201

    page = await (await bare.person(MANAGER, "ko")).get(f"/engineers/{ME}?from={day(7)}")

    assert 'href="/orders/o-1"' in page.text
    assert ME in text_of(page)
    assert "13:00–15:00 휴무" in text_of(page)
    assert '<th scope="col">날짜</th>' in page.text
    assert "이전 주" in text_of(page)
    assert "다음 주" in text_of(page)
    [entered] = re.findall(r'href="/days-off/new\?([^"]+)"', page.text)
    monday = GRID.day_of(window(9, 7).start)
    monday -= timedelta(days=monday.weekday())
    first = max(monday.isoformat(), day())
    assert dict(parse_qsl(unescape(entered))) == {"region": "KR-11", "engineerId": ME, "from": first}
