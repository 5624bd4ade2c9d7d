"""Products in the console: stored once, never overwritten unseen, and changed by those who may."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response

from tests.console.browser import MANAGER, Pages, form_of, forms_of, text_of, wrong_fields

API = "/managementCenters/products"
FORM = {
    "productId": "giga",
    "name": "Giga Internet",
    "localName": "기가 인터넷",
    "orderable": "1",
    "skills": "fiber\r\n\r\n",
}
LIMITED = "manager:KR-11"


async def products(pages: Pages) -> list[Mapping[str, Any]]:
    items: list[Mapping[str, Any]] = (await pages.service.http.get(f"{API}?limit=200")).json()["items"]
    return items


async def stored(pages: Pages, **changes: Any) -> str:
    """Store a product by the API. Returns where it is changed."""
    product = {"productId": "giga", "name": "Giga Internet", "localName": "기가 인터넷", "skills": ["fiber"]} | changes
    answer = await pages.service.http.post(API, json=product)
    assert answer.status_code == 201, answer.text
    return f"/products/{product['productId']}/change"


async def test_a_product_is_added_with_its_names_and_skills(bare: Pages) -> None:
    person = await bare.person(MANAGER, "ko")

    page = await person.follow(await person.post("/products/new", FORM))

    assert await products(bare) == [
        {
            "productId": "giga",
            "name": "Giga Internet",
            "localName": "기가 인터넷",
            "orderable": True,
            "skills": ["fiber"],
        }
    ]
    for said in ("기가 인터넷", "제공 중", "상품을 등록했습니다"):
        assert said in text_of(page)


async def test_what_got_no_answer_is_kept_and_added_once(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.unanswered.add(f"POST {API}")
    silent = await person.post("/products/new", FORM)
    bare.line.unanswered.clear()

    again = form_of(silent, "/products/new")

    assert silent.status_code == 503
    assert {**again, "skills": again["skills"].strip()} == {**FORM, "skills": "fiber"}
    assert "had been added already" in text_of(await person.follow(await person.post("/products/new", again)))
    assert len(await products(bare)) == 1


async def test_a_code_that_is_taken_is_said_at_its_field_and_nothing_is_overwritten(bare: Pages) -> None:
    await stored(bare)
    before = await products(bare)

    page = await (await bare.person(MANAGER)).post("/products/new", FORM | {"name": "Another"})

    assert (page.status_code, wrong_fields(page)) == (409, {"productId"})
    assert form_of(page, "/products/new")["name"] == "Another"
    assert await products(bare) == before


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"productId": ""}, {"productId"}),
        ({"name": "x" * 201}, {"name"}),
        ({"skills": "fiber\n" + "x" * 51}, {"skills"}),
        ({"skills": "\n".join(map(str, range(51)))}, {"skills"}),
    ],
)
async def test_what_is_wrong_is_said_at_its_field(bare: Pages, changes: dict[str, str], wrong: set[str]) -> None:
    form = FORM | changes

    page = await (await bare.person(MANAGER)).post("/products/new", form)

    assert (page.status_code, wrong_fields(page)) == (422, wrong)
    assert form_of(page, "/products/new") == {**form, "skills": form["skills"].strip()}
    assert await products(bare) == []


async def test_a_change_touches_only_what_is_different(bare: Pages) -> None:
    path = await stored(bare)
    person = await bare.person(MANAGER)
    form = form_of(await person.get(path), path)

    # A box that is not ticked is not sent.
    changed = {name: value for name, value in form.items() if name != "orderable"}
    page = await person.follow(await person.post(path, changed))

    [sent] = [request for request in bare.line.carried if request.method == "PATCH"]
    assert sent.read() == b'{"orderable":false}'
    assert "Not offered" in text_of(page)
    unchanged = form_of(await person.get(path), path)
    assert "nothing was changed" in text_of(await person.follow(await person.post(path, unchanged)))


async def test_what_somebody_else_has_changed_is_not_overwritten_unseen(bare: Pages) -> None:
    path = await stored(bare)
    person = await bare.person(MANAGER)
    mine = form_of(await person.get(path), path) | {"name": "Mine"}
    await bare.service.http.patch(f"{API}/giga", json={"name": "Theirs", "skills": ["copper"]})

    refused = await person.post(path, mine)

    assert refused.status_code == 409
    assert "Theirs" in text_of(refused)
    again = form_of(refused, path)
    assert again["name"] == "Mine"
    assert [(one["name"], one["skills"]) for one in await products(bare)] == [("Theirs", ["copper"])]
    await person.follow(await person.post(path, again))
    assert [(one["name"], one["skills"]) for one in await products(bare)] == [("Mine", ["fiber"])]


async def test_a_change_without_an_answer_counts_once_it_is_sent_again(bare: Pages) -> None:
    path = await stored(bare)
    person = await bare.person(MANAGER)
    form = form_of(await person.get(path), path) | {"name": "Mine"}
    bare.line.unanswered.add(f"PATCH {API}")
    silent = await person.post(path, form)
    bare.line.unanswered.clear()

    assert (silent.status_code, form_of(silent, path)) == (503, form)
    await person.follow(await person.post(path, form_of(silent, path)))
    assert [one["name"] for one in await products(bare)] == ["Mine"]


async def test_a_change_of_what_was_removed_meanwhile_is_not_lost(bare: Pages) -> None:
    path = await stored(bare)
    person = await bare.person(MANAGER)
    form = form_of(await person.get(path), path) | {"name": "Mine"}
    await bare.service.http.delete(f"{API}/giga")

    page = await person.post(path, form)

    assert page.status_code == 404
    assert await products(bare) == []
    await person.follow(await person.post("/products/new", form_of(page, "/products/new")))
    assert [(one["productId"], one["name"]) for one in await products(bare)] == [("giga", "Mine")]


async def test_a_skill_that_nobody_has_is_said(bare: Pages) -> None:
    await bare.service.http.patch("/managementCenters/engineers/kr-11-1", json={"skills": ["copper"]})
    person = await bare.person(MANAGER)

    form = await person.get("/products/new")
    page = await person.follow(await person.post("/products/new", FORM))
    known = await person.follow(await person.post("/products/new", FORM | {"productId": "dsl", "skills": "copper"}))

    assert "Engineers have: copper" in text_of(form)
    assert "Orders for the product wait" in text_of(page)
    assert text_of(page).count("No engineer has all of them") == 1
    assert "Orders for the product wait" not in text_of(known)


async def test_a_page_asks_before_a_product_is_removed(bare: Pages) -> None:
    await stored(bare)
    person, path = await bare.person(MANAGER), "/products/giga/retire"

    asked = await person.get(path)

    assert "기가 인터넷" in text_of(asked)
    assert 'href="/products/giga/change"' in asked.text
    assert len(await products(bare)) == 1
    assert "is removed" in text_of(await person.follow(await person.post(path)))
    assert await products(bare) == []
    assert "had been removed already" in text_of(await person.follow(await person.post(path)))


async def test_an_id_of_another_system_may_contain_anything(bare: Pages) -> None:
    await stored(bare, productId="tv/100 & more?")
    person = await bare.person(MANAGER)
    path = "/products/tv%2F100%20%26%20more%3F/change"

    listed = await person.get("/products")
    form = form_of(await person.get(path), path)
    await person.follow(await person.post(path, form | {"name": "More"}))

    assert f'href="{path}"' in listed.text
    assert [(one["productId"], one["name"]) for one in await products(bare)] == [("tv/100 & more?", "More")]


async def test_one_returns_to_the_page_of_such_an_id(bare: Pages) -> None:
    product_id = "상품 100%/#1?"
    await stored(bare, productId=product_id)
    browser, path = bare.browser(), f"/products/{quote(product_id, safe='')}/change"

    wanted = next_of(await browser.get(f"{path}?a=1"))
    kept = await browser.post(path, {"name": "More"})
    page = await browser.follow(await browser.post("/login", {"person": MANAGER, "next": wanted}))
    preferred = await browser.post("/preferences", form_of(page, "/preferences"))
    [(action, entered)] = [each for each in forms_of(await browser.get(next_of(kept))) if "name" in each[1]]
    sent = await browser.post(action, form_of(page, path) | entered)

    assert page.status_code == 200
    assert preferred.headers["Location"] == wanted
    assert sent.headers["Location"] == "/products"
    assert [(one["productId"], one["name"]) for one in await products(bare)] == [(product_id, "More")]
    assert (await browser.get("/resume")).headers["Location"] == "/"


def next_of(answer: Response) -> str:
    """Return to which page the sign-in leads afterwards, to which an answer leads."""
    assert answer.next_request
    return str(answer.next_request.url.params["next"])


async def test_a_manager_of_some_regions_reads_products_and_is_offered_no_change(bare: Pages) -> None:
    path = await stored(bare)
    person = await bare.person(LIMITED)

    listed = await person.get("/products")
    answers = [await person.get(each) for each in ("/products/new", path, "/products/giga/retire")]
    answers += [await person.post(each, FORM) for each in ("/products/new", path, "/products/giga/retire")]

    assert "Only managers of the whole country can change them" in text_of(listed)
    assert "기가 인터넷" in text_of(listed)
    assert 'href="/products/' not in listed.text
    assert [answer.status_code for answer in answers] == [403] * 6
    assert [one["name"] for one in await products(bare)] == ["Giga Internet"]


async def test_an_empty_list_says_what_that_means(bare: Pages) -> None:
    assert "Customers can order nothing" in text_of(await (await bare.person(MANAGER)).get("/products"))
