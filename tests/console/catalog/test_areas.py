"""Service areas in the console."""

from collections.abc import Mapping
from typing import Any

import pytest
from httpx2 import Response

from console.managers import center
from tests.api.service import MOON
from tests.console.browser import MANAGER, Pages, form_of, text_of, wrong_fields

API = "/managementCenters/serviceAreas"
FORM = {"region": "KR-50", "name": "Sejong City", "localName": "세종시", "words": "세종\n조치원", "key": "shown-once"}


async def areas(pages: Pages, region: str) -> list[Mapping[str, Any]]:
    items = (await pages.service.http.get(f"{API}?limit=200")).json()["items"]
    return [one for one in items if one["region"] == region and one["name"] in (FORM["name"], MOON["name"], "Mine")]


async def moon(pages: Pages) -> str:
    """Store an area by the API. Returns its id."""
    return str((await pages.service.http.post(API, json=MOON)).json()["serviceAreaId"])


async def test_an_area_is_added_once_however_often_the_form_is_sent(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.unanswered.add(f"POST {API}")
    silent = await person.post("/service-areas/new", FORM)
    bare.line.unanswered.clear()

    again = form_of(silent, "/service-areas/new")

    assert silent.status_code == 503
    page = await person.follow(await person.post("/service-areas/new", again))
    assert "had been added already" in text_of(page)
    [area] = await areas(bare, "KR-50")
    assert area["matches"] == ["세종", "조치원"]


async def test_a_form_that_is_sent_twice_at_once_adds_one_area(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), "/service-areas/new"
    form = FORM | {"key": form_of(await person.get(path), path)["key"]}
    # Each of the two looks before the other area is added.
    bare.line.answers[f"GET {API}"] = Response(200, json={"items": [], "nextCursor": None})

    first, second = [await person.post(path, form) for _ in range(2)]

    bare.line.answers.clear()
    assert first.status_code == 303
    assert "had been added already" in text_of(await person.follow(second))
    assert len(await areas(bare, "KR-50")) == 1
    refused = await person.post(path, form | {"words": "세종"})
    assert refused.status_code == 422
    await person.follow(await person.post(path, form_of(refused, path)))
    assert len(await areas(bare, "KR-50")) == 2


async def test_a_form_that_is_sent_again_after_its_area_was_given_up_comes_back(bare: Pages) -> None:
    person, path = await bare.person(MANAGER), "/service-areas/new"
    form = FORM | {"key": form_of(await person.get(path), path)["key"]}
    await person.follow(await person.post(path, form))
    [area] = await areas(bare, "KR-50")
    assert (await bare.service.http.delete(f"{API}/{area['serviceAreaId']}")).status_code == 204

    answer = await person.post(path, form)

    assert answer.status_code == 422
    assert "was removed since" in text_of(answer)
    await person.follow(await person.post(path, form_of(answer, path)))
    assert len(await areas(bare, "KR-50")) == 1


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"name": "", "words": ""}, {"name", "words"}),
        ({"region": ""}, {"region"}),
        ({"words": "세종\n" + "x" * 201}, {"words"}),
        ({"words": "\n".join(map(str, range(101)))}, {"words"}),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(bare: Pages, changes: dict[str, str], wrong: set[str]) -> None:
    page = await (await bare.person(MANAGER)).post("/service-areas/new", FORM | changes)

    assert (page.status_code, wrong_fields(page)) == (422, wrong)
    assert form_of(page, "/service-areas/new") == FORM | changes
    assert await areas(bare, "KR-50") == []


async def test_a_change_keeps_a_region_that_the_console_does_not_know(bare: Pages) -> None:
    path = f"/service-areas/{await moon(bare)}/change"
    person = await bare.person(MANAGER)
    asked = await person.get(path)

    await person.follow(await person.post(path, form_of(asked, path) | {"name": "Mine"}))
    assert [(one["name"], one["matches"]) for one in await areas(bare, "KR-99")] == [("Mine", MOON["matches"])]


async def test_what_somebody_else_has_changed_is_not_overwritten_unseen(bare: Pages) -> None:
    area_id = await moon(bare)
    path = f"/service-areas/{area_id}/change"
    person = await bare.person(MANAGER)
    mine = form_of(await person.get(path), path) | {"name": "Mine"}
    await bare.service.http.patch(f"{API}/{area_id}", json={"matches": ["달나라"]})

    refused = await person.post(path, mine)

    assert refused.status_code == 409
    assert "달나라" in text_of(refused)
    assert [one["name"] for one in await areas(bare, "KR-99")] == ["Moon"]


async def test_a_page_asks_before_an_area_is_given_up(bare: Pages) -> None:
    path = f"/service-areas/{await moon(bare)}/retire"
    person = await bare.person(MANAGER)

    assert "assigns an engineer by hand" in text_of(await person.get(path))
    assert len(await areas(bare, "KR-99")) == 1
    assert "is given up" in text_of(await person.follow(await person.post(path)))
    assert await areas(bare, "KR-99") == []
    assert "had been given up already" in text_of(await person.follow(await person.post(path)))


async def test_a_manager_of_some_regions_is_offered_no_change(bare: Pages) -> None:
    area_id = await moon(bare)
    person = await bare.person("manager:KR-11")

    listed = await person.get("/service-areas")
    refused = await person.post(f"/service-areas/{area_id}/retire")

    assert "Only managers of the whole country can change them" in text_of(listed)
    assert 'href="/service-areas/' not in listed.text
    assert refused.status_code == 403
    assert len(await areas(bare, "KR-99")) == 1


async def test_a_long_list_has_pages(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center, "ROWS", 5)

    page = await (await bare.person(MANAGER)).get("/service-areas")

    assert page.text.count("/retire") == 5
    assert "/service-areas?cursor=" in page.text
