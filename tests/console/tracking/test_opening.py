"""A tracking link opens its order and nothing else, to whoever is not signed in, until it ends."""

import json
import time
from collections.abc import Callable

import pytest
from httpx2 import Response

from console.roles import Role
from runtime import development_issuer
from runtime.key_files import new_key
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.service import but, serving
from tests.api.trackers import key_in, signed
from tests.console.browser import CUSTOMER, MANAGER, Pages, form_of, pages_of, text_of
from tests.console.tracking.links import COOKIE, MINE, ORDERS, OTHERS, PAGE, leads_to_sign_in, opened_link, token_of

NEW = f"new:{new_key()}"


@pytest.fixture
async def pages(bare: Pages, store: OrderStatusStore) -> Pages:
    await store.put(ORDERS)
    return bare


async def test_looking_at_a_link_shows_and_changes_nothing(pages: Pages) -> None:
    browser, link = pages.browser(), f"/t/{token_of()}"

    page = await browser.get(link)

    assert page.status_code == 200
    assert "See my order" in text_of(page)
    assert form_of(page, link) == {}
    assert str(MINE.customer_name) not in page.text
    assert "set-cookie" not in page.headers
    assert {request.url.path for request in pages.line.carried} <= {"/health/ready"}


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_it_opens_its_order_at_the_usual_address(pages: Pages, language: str) -> None:
    browser, token = pages.browser(language), token_of(exp=int(time.time()) + 500)

    answer = await browser.post(f"/t/{token}")
    page = await browser.follow(answer)

    [cookie] = answer.headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    assert name.startswith("tracking=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(attributes)
    [age] = [int(one.removeprefix("Max-Age=")) for one in attributes if one.startswith("Max-Age=")]
    assert 400 < age - 24 * 60 * 60 <= 500
    assert answer.headers["Location"] == PAGE
    assert str(MINE.customer_name) in text_of(page)
    for seen in (cookie, page.text):
        assert token not in seen


FORGED: dict[str, Callable[[Pages], str]] = {
    "cut off": lambda _: token_of()[:-5],
    "altered": lambda _: _with_payload_of(token_of(), token_of(OTHERS.order_id)),
    "expired": lambda _: token_of(exp=int(time.time()) - 1),
    "of a key that was taken out": lambda _: signed(key_in(NEW), MINE.order_id),
    "not for a link": lambda _: token_of(typ="at+jwt"),
    "a customer's own token": lambda pages: _of_person(pages, "customer"),
    "a manager's own token": lambda pages: _of_person(pages, "manager"),
    "no token": lambda _: "hello",
    "other characters": lambda _: "%ED%95%9C",
    "too long": lambda _: "a" * 1000,
}


def _with_payload_of(token: str, other: str) -> str:
    header, _, signature = token.split(".")
    return ".".join((header, other.split(".")[1], signature))


def _of_person(pages: Pages, role: str) -> str:
    claims = {"sub": "1", "roles": [role], "regions": ["*"]}
    return development_issuer.token(pages.console.settings.data_dir, claims, 1)


@pytest.mark.parametrize("how", FORGED)
async def test_one_that_opens_nothing_leaves_its_address_and_says_so(pages: Pages, how: str) -> None:
    browser = pages.browser()

    answer = await browser.post(f"/t/{FORGED[how](pages)}")
    page = await browser.follow(answer)

    assert answer.headers["Location"] == "/t"
    assert "This link does not open an order any more" in text_of(page)
    assert set(browser.http.cookies) <= {"flash"}
    for path in (PAGE, f"/orders/{OTHERS.order_id}", "/orders"):
        assert leads_to_sign_in((await browser.get(path)).headers["Location"])


async def test_it_opens_no_page_of_another_order_and_no_other_page(pages: Pages) -> None:
    browser = pages.browser()
    await opened_link(browser)
    pages.line.carried.clear()

    for (method, path), routes in pages.console.table.by_request.items():
        if not routes[0].roles:
            continue
        own, other = (path.replace("{orderId}", one.order_id) for one in (MINE, OTHERS))
        may = any(Role.TRACKER in route.roles for route in routes)
        for at, opens in ((own, may), (other, False)):
            answer = await (browser.get(at) if method == "GET" else browser.post(at, {"reason": "x"}))
            assert leads_to_sign_in(answer.headers.get("Location", "")) is not opens, (method, at)

    asked = {request.url.path for request in pages.line.carried}
    assert not [path for path in asked if OTHERS.order_id in path]
    assert f"{PAGE}/cancel" in asked


@pytest.mark.parametrize("change", [lambda value: value[:-3], lambda value: value[::-1], lambda _: ""])
async def test_a_cookie_that_was_changed_opens_nothing(pages: Pages, change: Callable[[str], str]) -> None:
    browser = pages.browser()
    await opened_link(browser)
    browser.http.cookies.set(COOKIE, change(browser.http.cookies[COOKIE]), domain="127.0.0.1", path="/")

    assert leads_to_sign_in((await browser.get(PAGE)).headers["Location"])


async def test_when_the_token_ends_the_cookie_opens_nothing_either_and_an_open_page_says_so(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = pages.browser()
    await opened_link(browser, token_of(exp=int(time.time()) + 1000))
    later = time.time() + 1001
    monkeypatch.setattr("console.sessions.time.time", lambda: later)
    pages.line.carried.clear()

    elsewhere = await browser.get(f"/orders/{OTHERS.order_id}")
    answer = await browser.get(PAGE)
    page = await browser.follow(answer)

    assert leads_to_sign_in(elsewhere.headers["Location"])
    assert answer.headers["Location"] == "/t"
    assert "This link does not open an order any more" in text_of(page)
    assert COOKIE not in browser.http.cookies
    assert {request.url.path for request in pages.line.carried} <= {"/health/ready"}


async def test_a_key_that_is_taken_out_closes_what_it_has_opened(
    without_temporal: Settings, store: OrderStatusStore
) -> None:
    await store.put(ORDERS)
    async with serving(without_temporal) as service, pages_of(service) as pages:
        browser = pages.browser()
        await opened_link(browser)
        kept = browser.http.cookies[COOKIE]
        assert (await browser.get(PAGE)).status_code == 200
    async with serving(but(without_temporal, tracking_keys=NEW)) as service, pages_of(service) as pages:
        for act in (None, "cancel", "reschedule"):
            later = pages.browser()
            later.http.cookies.set(COOKIE, kept, domain="127.0.0.1", path="/")
            answer = await (later.post(f"{PAGE}/{act}", {"visit": "x"}) if act else later.get(PAGE))

            assert answer.headers["Location"] == "/t"
            assert "does not open an order any more" in text_of(await later.follow(answer))
            assert COOKIE not in later.http.cookies
        script = pages.browser()
        script.http.cookies.set(COOKIE, kept, domain="127.0.0.1", path="/")
        assert (await script.get(PAGE, headers={"Sec-Fetch-Mode": "cors"})).status_code == 401


async def test_whoever_is_signed_in_stays_so(pages: Pages) -> None:
    for person, status in ((CUSTOMER, 200), ("customer:2", 404), (MANAGER, 200), ("engineer:kr-11-1", 403)):
        browser = await pages.person(person)
        assert "You are signed in as" in text_of(await browser.get(f"/t/{token_of()}"))

        assert await opened_link(browser) == PAGE

        assert (await browser.get(PAGE)).status_code == status
        assert COOKIE not in browser.http.cookies


async def test_signing_in_and_signing_out_put_a_link_away(pages: Pages) -> None:
    browser = pages.browser()
    await opened_link(browser)
    await browser.sign_in("customer:2")
    assert COOKIE not in browser.http.cookies
    assert (await browser.get(PAGE)).status_code == 404

    browser = pages.browser()
    await opened_link(browser)
    await browser.post("/logout")
    assert leads_to_sign_in((await browser.get(PAGE)).headers["Location"])


async def test_it_can_be_closed_on_the_device(pages: Pages) -> None:
    browser = pages.browser()
    page = await browser.get(await opened_link(browser))

    closed = await browser.post("/t/close", form_of(page, "/t/close"))

    assert "The order is closed on this device." in text_of(await browser.follow(closed))
    assert leads_to_sign_in((await browser.get(PAGE)).headers["Location"])


async def test_its_page_neither_looks_again_by_itself_nor_makes_links(pages: Pages) -> None:
    browser = pages.browser()
    page = await browser.get(await opened_link(browser))

    assert "data-agenda" not in page.text
    assert 'href="/orders/mine">Look again' in page.text
    assert "/orders/mine/link" not in page.text
    assert "Main menu" not in page.text
    assert 'class="brand" href="/orders/mine"' in page.text


async def test_while_the_api_is_away_the_link_can_be_opened_again(pages: Pages) -> None:
    browser, link = pages.browser(), f"/t/{token_of()}"
    answers = {"silent": None, "busy": Response(429, json={"type": "/problems/too-many-requests", "status": 429})}
    for answer in answers.values():
        pages.line.cut = {"GET /whoami"} if answer is None else set()
        pages.line.answers = {"GET /whoami": answer} if answer else {}
        refused = await browser.post(link)

        assert refused.status_code == (answer.status_code if answer else 503)
        assert form_of(refused, link) == {}
        assert 'role="alert"' in refused.text
    pages.line.answers.clear()

    assert await opened_link(browser) == PAGE


async def test_an_order_that_cannot_be_read_now_is_not_taken_for_forbidden(pages: Pages) -> None:
    browser = pages.browser()
    await opened_link(browser)
    away = {"type": "/problems/temporal-unavailable", "status": 503}
    pages.line.answers[f"GET {PAGE}"] = Response(503, content=json.dumps(away))

    page = await browser.get(PAGE)

    assert page.status_code == 503
    assert "not allowed" not in text_of(page)
