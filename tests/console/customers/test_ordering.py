"""A customer orders. What was entered is never lost, and placed once."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from httpx2 import Response

from domain.visits import VisitGrid
from tests.api.service import Service, window
from tests.console.browser import CUSTOMER, Pages, form_of, pages_of, text_of
from tests.console.customers.ordering import (
    ADDRESS,
    CONTACT,
    FIRST,
    PRODUCT,
    filled,
    offer_products,
    ordered,
    second_page,
)

KOREAN = {"인터넷", "서울특별시 · 방문 가능한 지역입니다.", "가장 빠른 시간", "방문 시간", "연락처", "신청하기"}
ENGLISH = {"Internet", "Seoul: we serve this address.", "As early as possible", "How we reach you", "Place the order"}


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[Pages]:
    await offer_products(service)
    async with pages_of(service) as pages:
        yield pages


@pytest.mark.parametrize(("language", "said"), [("ko", KOREAN), ("en", ENGLISH)])
async def test_a_customer_orders_by_two_forms(pages: Pages, language: str, said: set[str]) -> None:
    person = await pages.person(CUSTOMER, language)
    assert {"인터넷" if language == "ko" else "Internet", "IPTV"} <= set(
        text_of(await person.get("/orders/new")).split()
    )
    page = await second_page(person)
    assert not {text for text in said if text not in text_of(page)}
    start = window(11)
    assert f'value="{start}"' in page.text

    answer = await person.post("/orders", {**form_of(page, "/orders"), **CONTACT, "visit": start})

    shown = text_of(await person.follow(answer))
    order = (await pages.service.http.get(answer.headers["Location"])).json()
    texts = pages.console.renderer.texts[language]
    assert texts("Your order was received. We will now find an engineer for you.") in shown
    assert order["installationAddress"] == ADDRESS
    assert (order["customerId"], order["customerName"], order["contactPhone"]) == ("1", "김철수", "010-1234-5678")
    assert order["productName"] == ("인터넷" if language == "ko" else "Internet")
    assert order["history"][0]["by"] == "customer:1"
    assert texts("Your order was received. We will now find an engineer for you.") not in text_of(
        await person.get(answer.headers["Location"])
    )


async def test_a_form_that_is_sent_twice_places_one_order(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)

    first, again = [await person.post("/orders", form) for _ in range(2)]

    assert first.headers["Location"] == again.headers["Location"]
    assert "Your order was already received." in text_of(await person.follow(again))


async def test_without_an_answer_the_form_stays_and_again_it_is_the_same_order(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    pages.line.unanswered.add("POST /orders")

    unanswered = await person.post("/orders", form)
    pages.line.unanswered.clear()
    kept = form_of(unanswered, "/orders")
    answer = await person.post("/orders", kept)

    assert unanswered.status_code == 503
    assert "Nothing of what you entered is lost" in text_of(unanswered)
    assert {name: kept[name] for name in form} == form
    assert "Your order was already received." in text_of(await person.follow(answer))


async def test_a_key_that_no_page_has_had_is_refused_and_what_was_entered_stays(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)

    answer = await person.post("/orders", await filled(person, key="열쇠"))

    assert answer.status_code == 400
    assert "The request could not be understood." in text_of(answer)
    assert CONTACT.items() <= form_of(answer, "/orders").items()


async def test_a_day_that_is_too_far_away_is_as_if_none_were_given(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)

    page = await second_page(person, **{"from": "9999-12-31"})

    assert window() in page.text


async def test_another_order_with_the_same_key_is_not_placed_and_the_first_one_is_shown(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    await person.post("/orders", form)

    answer = await person.post("/orders", {**form, "name": "다른 사람"})

    assert answer.status_code == 422
    assert "Your order was already received, with what you had entered before." in text_of(answer)
    assert form_of(answer, "/orders")["key"] != form["key"]
    assert form_of(answer, "/orders")["name"] == "다른 사람"


@pytest.mark.parametrize(
    ("path", "changes", "field", "said"),
    [
        ("/orders/new", {"address": ""}, "address", "This is missing."),
        ("/orders/new", {"product": " "}, "product", "Please choose one."),
        ("/orders/new", {"address": "a" * 501}, "address", "At most 500 characters are possible."),
        ("/orders/new", {"address": "서울\u202e"}, "address", "This contains characters that cannot be displayed."),
        ("/orders", {"visit": ""}, "visit", "Please choose one."),
        ("/orders", {"name": ""}, "name", "This is missing."),
        ("/orders", {"phone": "abc"}, "phone", "Please enter a telephone number."),
        ("/orders", {"phone": "1" * 201}, "phone", "At most 200 characters are possible."),
        ("/orders", {"visit": "2026-11-30T00:00:01Z"}, "visit", "Please choose one of the times shown."),
        ("/orders", {"visit": "soon"}, "visit", "Please check this entry."),
        ("/orders", {"address": "a\x00b"}, "address", "This contains characters that cannot be displayed."),
    ],
)
async def test_what_cannot_be_accepted_is_said_at_the_field_and_stays(
    pages: Pages, path: str, changes: dict[str, str], field: str, said: str
) -> None:
    person = await pages.person(CUSTOMER)
    sent = {**FIRST, **CONTACT, "key": "k", "visit": "earliest", **changes}

    answer = await person.post(path, sent)

    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert said in text_of(answer)
    assert 'role="alert"' in answer.text
    action = "/orders" if 'action="/orders"' in answer.text and field in CONTACT | {"visit": ""} else "/orders/new"
    kept = form_of(answer, action)
    assert {name: kept[name] for name in CONTACT} == {name: sent[name] for name in CONTACT}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("중구 세종대로 110", "could be in several regions: Seoul, Busan, Daegu, Incheon, Daejeon, Ulsan."),
        ("Atlantis", "We do not serve this address yet."),
    ],
)
async def test_an_address_that_is_not_served_is_told_before_anything_is_ordered(
    pages: Pages, address: str, said: str
) -> None:
    person = await pages.person(CUSTOMER)

    page = await second_page(person, address=address)

    assert said in text_of(page)
    assert page.text.count('type="radio"') == 1
    assert (await person.post("/orders", {**form_of(page, "/orders"), **CONTACT})).status_code == 303


async def test_while_the_management_center_is_away_one_orders_all_the_same(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    assert (await person.get("/orders/new")).status_code == 200
    pages.line.cut |= {"GET /managementCenters", "POST /managementCenters"}

    page = await second_page(person)
    answer = await person.post("/orders", {**form_of(page, "/orders"), **CONTACT})

    assert "Free times cannot be shown at the moment." in text_of(page)
    assert answer.status_code == 303
    assert (await pages.service.http.get(answer.headers["Location"])).json()["productName"] == "Internet"


async def test_a_process_that_knows_no_products_takes_orders_without_the_management_center(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    pages.console.memory.clear()
    pages.line.cut |= {"GET /managementCenters", "POST /managementCenters"}

    without_address = await person.post("/orders/new", {**form, "address": ""})
    page = await second_page(person)
    unnamed = await person.post("/orders", {**form_of(page, "/orders"), **CONTACT})
    named = await person.post("/orders", form)

    assert form_of(without_address, "/orders/new")["product"] == form["product"]
    for answer, name in ((unnamed, form["product"]), (named, "Internet")):
        assert answer.status_code == 303
        assert (await pages.service.http.get(answer.headers["Location"])).json()["productName"] == name


async def test_who_got_no_answer_does_not_wait_for_the_products_too(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    pages.console.memory.clear()
    pages.line.cut.add("POST /orders")
    pages.line.carried.clear()

    unanswered = await person.post("/orders", form)

    assert unanswered.status_code == 503
    assert form_of(unanswered, "/orders") == form
    assert not [one for one in pages.line.carried if one.url.path.startswith("/managementCenters")]


async def test_later_times_are_shown_and_what_was_entered_comes_along(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    later = VisitGrid().day_of(pages.console.renderer.texts["en"].local(window())) + timedelta(days=14)

    page = await person.post("/orders/new", {**form, "from": later.isoformat()})
    back = await person.post("/orders/new", {**form_of(page, "/orders"), "back": "1"})

    assert {name: form_of(page, "/orders")[name] for name in CONTACT} == CONTACT
    assert "Earlier times" in text_of(page)
    assert window() not in page.text
    assert {name: form_of(back, "/orders/new")[name] for name in (*CONTACT, "key")} == {**CONTACT, "key": form["key"]}
    assert ADDRESS in back.text


async def test_a_time_that_was_chosen_for_one_address_is_not_chosen_for_another(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person, visit=window(11, days=4))
    back = form_of(await person.post("/orders/new", {**form, "back": "1"}), "/orders/new")

    page = await person.post("/orders/new", {**back, "product": PRODUCT, "address": "부산광역시 해운대구 우동 1"})
    unchosen = await person.post("/orders", form_of(page, "/orders"))

    assert {name: form_of(page, "/orders")[name] for name in CONTACT} == CONTACT
    assert unchosen.status_code == 422
    assert "Please choose one." in text_of(unchosen)


async def test_a_chosen_time_stays_chosen_while_other_days_are_looked_at(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person, visit=window(11, days=4))
    later = VisitGrid().day_of(pages.console.renderer.texts["en"].local(window())) + timedelta(days=14)

    page = await person.post("/orders/new", {**form, "from": later.isoformat()})
    await person.post("/orders", form_of(page, "/orders"))

    assert f"Chosen time: {pages.console.renderer.texts['en'].moment(form['visit'])}" in text_of(page)
    assert json.loads(pages.line.carried[-1].content)["preferredVisit"] == form["visit"]


async def test_a_chosen_time_stays_chosen_while_the_service_is_away(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person, visit=window(11, days=4))
    pages.line.cut |= {"POST /orders", "POST /managementCenters", "GET /managementCenters"}

    unanswered = await person.post("/orders", form)
    pages.line.cut.clear()
    again = await person.post("/orders/new", form_of(unanswered, "/orders"))

    assert "The time that you chose is kept." in text_of(unanswered)
    assert "we choose the earliest time" not in text_of(unanswered)
    assert form_of(unanswered, "/orders")["visit"] == form["visit"] == form_of(again, "/orders")["visit"]


async def test_who_has_ordered_before_enters_name_and_telephone_once(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    await pages.service.until(await ordered(person), "JOIN_ORDERED")

    page = await second_page(person)

    assert form_of(page, "/orders")["name"] == CONTACT["name"]
    assert form_of(page, "/orders")["phone"] == CONTACT["phone"]


async def test_orders_of_the_same_day_are_told_the_newest_first(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    order_id = await ordered(person)
    await pages.service.until(order_id, "JOIN_ORDERED")
    order = (await pages.service.http.get(f"/orderStatuses/{order_id}")).json()
    placed = {"older": "2026-11-29T01:00:00Z", "newest": "2026-11-29T03:00:00Z", "old": "2026-11-29T02:00:00Z"}
    rows = [order | {"orderId": one, "customerName": one, "history": []} for one in ("erased", *placed)]
    for row in rows:
        at = placed.get(row["orderId"])
        told = row | {"history": [order["history"][0] | {"at": at}] if at else []}
        pages.line.answers[f"GET /orderStatuses/{row['orderId']}"] = Response(200, json=told)
    pages.line.answers["GET /orderStatuses"] = Response(200, json={"items": rows, "nextCursor": None})

    listed = await person.get("/orders")
    page = await second_page(person)

    assert re.findall(r'href="/orders/(old\w*|newest|erased)"', listed.text) == ["newest", "old", "older", "erased"]
    assert form_of(page, "/orders")["name"] == "newest"


async def test_an_order_that_arrives_after_the_session_is_kept_and_sent_again_after_signing_in(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    ended = [name for name in person.http.cookies if name.startswith("session")]
    for name in ended:
        person.http.cookies.delete(name)

    asked = await person.post("/orders", form)
    assert asked.headers["Location"] == "/login?next=%2Fresume"
    signed_in = await person.post("/login", {"person": CUSTOMER, "next": "/resume"})
    page = await person.follow(signed_in)
    answer = await person.post("/orders", form_of(page, "/orders"))

    assert "They were kept" in text_of(page)
    assert answer.status_code == 303
    assert (await person.get("/resume")).headers["Location"] == "/"


async def test_nobody_else_gets_what_somebody_has_sent(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    form = await filled(person)
    pages.line.answers["POST /orders"] = _unauthenticated()
    asked = await person.post("/orders", form)
    pages.line.answers.clear()
    assert asked.headers["Location"].startswith("/login")

    page = await person.follow(await person.post("/login", {"person": "customer:2", "next": "/resume"}))

    assert "김철수" not in page.text


def _unauthenticated() -> Response:
    body = {"type": "/problems/unauthenticated", "title": "", "status": 401, "detail": ""}
    return Response(401, json=body)
