"""The forms about an order come back with what was entered, with the API's own status, and whatever a browser sends."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response

from stores.order_status.view import OrderStatusStore
from tests.console.browser import MANAGER, Pages, form_of, text_of
from tests.console.managers.test_board import ORDER

PATH = f"/orders/{ORDER.order_id}"
CUSTOMER = f"customer:{ORDER.customer_id}"
START = "2027-01-04T04:00:00Z"


@pytest.fixture
async def pages(bare: Pages, store: OrderStatusStore) -> Pages:
    await store.put([ORDER])
    return bare


@pytest.mark.parametrize(("who", "act"), [(CUSTOMER, "reschedule"), (MANAGER, "reschedule"), (MANAGER, "assign")])
async def test_who_has_chosen_nothing_is_asked_to_choose(pages: Pages, who: str, act: str) -> None:
    answer = await (await pages.person(who)).post(f"{PATH}/{act}", {"version": "3"})

    assert answer.status_code == 422
    assert "Please choose one." in text_of(answer)
    assert "This is missing." not in text_of(answer)


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
async def test_the_days_that_are_looked_at_stay_when_the_form_comes_back(pages: Pages, who: str) -> None:
    person, path = await pages.person(who), f"{PATH}/reschedule"
    later = (datetime.now(UTC).date() + timedelta(days=14)).isoformat()
    shown = await person.get(f"{path}?from={later}")
    pages.line.carried.clear()

    answer = await person.post(path, form_of(shown, path))

    assert [form_of(page, path)["from"] for page in (shown, answer)] == [later, later]
    assert [one.url.params["from"] for one in pages.line.carried if one.url.path == f"{PATH}/slots"] == [later]


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "soon"])
async def test_a_day_that_is_too_far_away_is_as_if_none_were_given(pages: Pages, who: str, day: str) -> None:
    page = await (await pages.person(who)).get(f"{PATH}/reschedule?from={day}")

    assert page.status_code == 200
    [asked] = [one for one in pages.line.carried if one.url.path == f"{PATH}/slots"]
    assert "from" not in asked.url.params


@pytest.mark.parametrize("status", [409, 422, 429, 503])
@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
async def test_a_form_comes_back_with_the_status_of_the_api(pages: Pages, who: str, status: int) -> None:
    problem = Response(status, json={"type": "/problems/of-a-newer-release", "status": status})
    pages.line.answers[f"POST {PATH}/reschedule"] = problem

    answer = await (await pages.person(who)).post(f"{PATH}/reschedule", {"version": "3", "visit": START})

    assert answer.status_code == status
    assert form_of(answer, f"{PATH}/reschedule")["visit"] == START


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
async def test_a_form_means_the_order_that_was_looked_at_until_somebody_is_told_of_a_newer_one(
    pages: Pages, store: OrderStatusStore, who: str
) -> None:
    person, path = await pages.person(who), f"{PATH}/reschedule"
    asked = form_of(await person.get(path), path)
    await store.put([replace(ORDER, version=ORDER.version + 1)])
    seen = []

    for fields, slug in (({}, ""), ({"visit": START}, "no-answer-in-time"), ({"visit": START}, "changed-meanwhile")):
        status = 409 if slug == "changed-meanwhile" else 503
        pages.line.answers[f"POST {path}"] = Response(status, json={"type": f"/problems/{slug}", "status": status})
        seen.append(form_of(await person.post(path, asked | fields), path)["version"])

    assert seen == [asked["version"], asked["version"], str(ORDER.version + 1)]


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
async def test_a_version_that_no_page_has_had_is_refused(pages: Pages, who: str) -> None:
    answer = await (await pages.person(who)).post(f"{PATH}/reschedule", {"version": "٣", "visit": START})

    assert answer.status_code == 400
    assert "The request could not be understood." in text_of(answer)
    assert form_of(answer, f"{PATH}/reschedule")["visit"] == START


MOVING = "the order is being moved to another engineer or another time"
OFTEN = "the visit has been moved too often"


@pytest.mark.parametrize(
    ("detail", "said", "again"),
    [
        (MOVING, "The order is just being moved to another engineer or another time.", True),
        (OFTEN, "The visit has been moved as often as it can be.", False),
        ("", "This is not possible any more in the current state of the order.", False),
    ],
)
async def test_a_customer_is_told_why_the_visit_is_not_moved_and_may_try_again_if_it_passes(
    pages: Pages, detail: str, said: str, again: bool
) -> None:
    path = f"{PATH}/reschedule"
    problem = {"type": "/problems/illegal-transition", "status": 409, "detail": detail}
    pages.line.answers[f"POST {path}"] = Response(409, json=problem)
    person = await pages.person(CUSTOMER)

    answer = await person.post(path, {"version": "3", "visit": START})

    assert answer.status_code == (409 if again else 303)
    assert said in text_of(answer if again else await person.follow(answer))
    if again:
        assert form_of(answer, path)["visit"] == START


async def test_a_number_of_events_that_no_page_has_had_shows_none(pages: Pages) -> None:
    problem = {"type": "/problems/changed-meanwhile", "status": 409}
    pages.line.answers[f"POST {PATH}/cancel"] = Response(409, json=problem)

    answer = await (await pages.person(MANAGER)).post(f"{PATH}/cancel", {"version": "3", "events": "9" * 5000})

    assert answer.status_code == 409
    assert "This has happened in the meantime" not in text_of(answer)


@pytest.mark.parametrize("who", [CUSTOMER, MANAGER])
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (None, "No time is free in these two weeks."),
        ("NO_SERVICE_AREA", "The address is outside of our service areas"),
        ("AMBIGUOUS_ADDRESS", "The address could be in several regions"),
    ],
)
async def test_without_free_times_the_reason_is_said(pages: Pages, who: str, reason: str | None, said: str) -> None:
    region: dict[str, Any] = {"region": None, "regionName": None, "regionLocalName": None, "regions": []}
    offer = Response(200, json={"items": [], "nextCursor": None, "reason": reason, **region})
    pages.line.answers[f"GET {PATH}/slots"] = offer

    page = text_of(await (await pages.person(who)).get(f"{PATH}/reschedule"))

    assert said in page
    assert ("No time is free" in page) == (reason is None)


async def test_a_manager_of_one_region_is_offered_engineers_of_this_alone(pages: Pages) -> None:
    person = await pages.person("manager:KR-11")

    page = await person.get(f"{PATH}/assign")
    pages.line.cut.add("GET /whoami")
    silent = await person.get(f"{PATH}/assign")

    for each in (page, silent):
        assert re.findall(r'<option value="(KR-\d+)"', each.text) == ["KR-11"]


@pytest.mark.parametrize("fails", [False, True], ids=["away", "failing"])
async def test_a_choice_of_an_engineer_is_kept_while_the_candidates_cannot_be_shown(
    pages: Pages, *, fails: bool
) -> None:
    person, path = await pages.person(MANAGER), f"{PATH}/assign"
    center = "/managementCenters/assignments"
    if fails:
        pages.line.answers[f"GET {center}"] = Response(500, json={"type": "/problems/internal-error"})
    else:
        pages.line.cut.add(f"GET {center}")
    pages.line.cut.add(f"PUT {center}")

    shown = await person.get(path)
    answer = await person.post(path, {"version": "3", "engineerId": "kr-11-2"})

    assert (shown.status_code, answer.status_code) == (200, 503)
    for page in (shown, answer):
        assert "The management center does not answer now." in text_of(page)
    assert form_of(answer, path)["engineerId"] == "kr-11-2"


async def test_candidates_of_a_region_that_cannot_be_asked_for_are_refused(pages: Pages) -> None:
    page = await (await pages.person(MANAGER)).get(f"{PATH}/assign?region=nowhere")

    assert page.status_code == 400
