"""A manager enters days off and extra shifts: once, for whom and when they were meant, and nothing entered is lost."""

import pytest
from httpx2 import Response

from tests.console.browser import MANAGER, Pages, form_of, text_of, wrong_fields
from tests.console.calendars.entering import API, ELSEWHERE, ENGINEER, REGION, entries, in_days, morning

KINDS = ["/days-off", "/extra-shifts"]


@pytest.mark.parametrize("path", KINDS)
async def test_the_morning_of_an_engineer_is_entered(bare: Pages, path: str) -> None:
    person = await bare.person(MANAGER, "ko")

    page = await person.follow(await person.post(f"{path}/new", morning()))

    [entry] = await entries(bare, path)
    assert (entry["engineerId"], entry["region"], entry["from"]) == (ENGINEER, None, in_days(7))
    assert (entry["to"], entry["hours"]) == (in_days(7), {"from": "09:00", "until": "12:00"})
    for said in ("09:00–12:00", "병원", "등록했습니다"):
        assert said in text_of(page)


@pytest.mark.parametrize("path", KINDS)
async def test_days_of_a_whole_region_are_entered(bare: Pages, path: str) -> None:
    person = await bare.person(MANAGER)
    whole = {"who": "*", "to": in_days(9), "since": "", "until": "", "reason": ""}

    page = await person.follow(await person.post(f"{path}/new", morning(**whole)))

    [entry] = await entries(bare, path)
    assert (entry["engineerId"], entry["region"], entry["to"]) == (None, REGION, in_days(9))
    assert (entry["hours"], entry["reason"]) == (None, None)
    assert "Everybody in the region" in text_of(page)


@pytest.mark.parametrize("path", KINDS)
async def test_what_got_no_answer_is_kept_and_entered_once(bare: Pages, path: str) -> None:
    person = await bare.person(MANAGER)
    bare.line.unanswered.add(f"POST {API[path]}")
    silent = await person.post(f"{path}/new", morning())
    bare.line.unanswered.clear()

    assert silent.status_code == 503
    again = form_of(silent, f"{path}/new")
    assert again == morning(listed=REGION)
    page = await person.follow(await person.post(f"{path}/new", again))

    assert "had been entered already" in text_of(page)
    assert len(await entries(bare, path)) == 1


@pytest.mark.parametrize("path", KINDS)
async def test_a_form_that_is_sent_twice_at_once_is_entered_once(bare: Pages, path: str) -> None:
    person = await bare.person(MANAGER)
    form = morning(key=form_of(await person.get(f"{path}/new?engineerId={ENGINEER}"), f"{path}/new")["key"])
    # Each of the two looks before the other one is entered.
    bare.line.answers[f"GET {API[path]}"] = Response(200, json={"items": [], "nextCursor": None})

    first, second = [await person.post(f"{path}/new", form) for _ in range(2)]

    bare.line.answers.clear()
    assert len(await entries(bare, path)) == 1
    assert "had been entered already" in text_of(await person.follow(second))
    assert first.status_code == 303


async def test_what_is_entered_with_the_form_of_something_else_is_asked_for_again(bare: Pages) -> None:
    person, path = await bare.person(MANAGER, "ko"), "/days-off/new"
    await person.post(path, morning())

    refused = await person.post(path, morning(to=in_days(8)))

    assert refused.status_code == 422
    assert "다시 보내 주세요" in text_of(refused)
    again = form_of(refused, path)
    assert again == morning(to=in_days(8), listed=REGION, key=again["key"])
    await person.follow(await person.post(path, again))
    assert len(await entries(bare, "/days-off")) == 2


async def test_another_part_of_the_same_day_is_another_entry(bare: Pages) -> None:
    person = await bare.person(MANAGER)

    for key, hours in enumerate(({}, {"since": "15:00", "until": "17:00"}, {"since": "", "until": ""})):
        await person.follow(await person.post("/days-off/new", morning(key=str(key), **hours)))

    assert len(await entries(bare, "/days-off")) == 3


@pytest.mark.parametrize(
    ("changes", "wrong", "said"),
    [
        ({"who": ""}, {"who"}, "Please choose one."),
        ({"from": ""}, {"from"}, "This is missing."),
        ({"from": "next week"}, {"from"}, "Please enter a date."),
        ({"to": "2020-01-01"}, {"to"}, "not before it"),
        ({"since": ""}, {"since"}, "This is missing."),
        ({"since": "noon"}, {"since"}, "Please enter a time."),
        ({"since": "12:00", "until": "09:00"}, {"until"}, "The end has to be after the beginning."),
        ({"who": "nobody"}, {"who"}, "does not work here any more"),
        ({"reason": "x" * 201}, {"reason"}, "At most 200 characters"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    bare: Pages, changes: dict[str, str], wrong: set[str], said: str
) -> None:
    form = morning(**changes)

    page = await (await bare.person(MANAGER)).post("/days-off/new", form)

    assert page.status_code == 422
    assert wrong_fields(page) == wrong
    assert said in text_of(page)
    assert form_of(page, "/days-off/new") == form | {"listed": REGION}
    assert await entries(bare, "/days-off") == []


async def test_the_form_keeps_everything_while_the_api_is_away(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.cut.update({"GET /", "POST /"})

    page = await person.post("/days-off/new", morning())

    assert page.status_code == 503
    assert form_of(page, "/days-off/new") == morning(listed=REGION)


async def test_a_manager_of_another_region_enters_nothing_here(bare: Pages) -> None:
    person = await bare.person(ELSEWHERE)

    of_engineer = await person.post("/days-off/new", morning(region="KR-26"))
    of_region = await person.post("/days-off/new", morning(who="*"))

    assert (of_engineer.status_code, wrong_fields(of_engineer)) == (422, {"who"})
    assert of_region.status_code == 403
    assert await entries(bare, "/days-off") == []


async def test_a_manager_of_one_region_chooses_among_its_engineers_at_once(bare: Pages) -> None:
    page = await (await bare.person("manager:KR-11")).get("/extra-shifts/new")

    assert f'<option value="{ENGINEER}">' in page.text
    assert "kr-26-1" not in page.text
    assert "Show its engineers" not in text_of(page)


async def test_choosing_another_region_keeps_what_was_entered(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), "/days-off/new"
    asked = form_of(await person.get(f"{path}?from=2026-12-24"), path)
    assert asked == {"region": "", "from": "2026-12-24", "key": asked["key"]}
    form = form_of(await person.post(path, asked | {"region": REGION, "show": "1"}), path)
    assert form["from"] == "2026-12-24"

    shown = await person.post(path, morning(listed=REGION, region="KR-26", show="1"))
    everybody = await person.post(path, morning(listed=REGION, region="KR-26", who="*"))

    assert 'value="kr-26-1"' in shown.text
    assert form_of(shown, path) == morning(listed="KR-26", region="KR-26", who="")
    # Nobody enters for a region what was chosen for another one.
    assert form_of(everybody, path) == morning(listed="KR-26", region="KR-26", who="*")
    assert await entries(bare, path.removesuffix("/new")) == []


async def test_the_form_of_an_engineer_names_the_engineer_and_the_day(bare: Pages) -> None:
    page = await (await bare.person(MANAGER)).get(f"/days-off/new?engineerId={ENGINEER}&from=2026-12-24")

    form = form_of(page, "/days-off/new")
    assert (form["who"], form["from"]) == (ENGINEER, "2026-12-24")
    assert await entries(bare, "/days-off") == []
