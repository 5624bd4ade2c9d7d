"""With the API, or what is behind it, away, pages say what does not work and what still does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from httpx2 import Request, Response

from stores.order_status.view import OrderStatusStore
from tests.api.service import Service
from tests.console.browser import CUSTOMER, MANAGER, Browser, Pages, form_of, pages_of, text_of
from tests.console.customers.ordering import offer_products, ordered
from tests.console.managers.test_board import ORDER
from tests.eventually import soon

EVERYTHING = {"GET /", "POST /", "PUT /"}
BROKEN = Response(500, json={"type": "/problems/internal-error", "status": 500})


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[Pages]:
    await offer_products(service)
    async with pages_of(service) as pages:
        yield pages


def warned(person: Browser) -> Callable[[], Awaitable[bool]]:
    """Return what asks whether a page says that no changes are possible, while it shows what there is."""

    async def told() -> bool:
        page = await person.get("/orders")
        assert page.status_code == 200
        return "New orders and changes cannot be accepted at the moment." in text_of(page)

    return told


@pytest.mark.parametrize(
    ("language", "said"), [("en", "The service cannot be reached at the moment."), ("ko", "지금은 서비스에 연결할 수")]
)
async def test_without_the_api_every_page_says_so_and_tries_again(bare: Pages, language: str, said: str) -> None:
    person = await bare.person(CUSTOMER, language)
    bare.line.cut |= EVERYTHING
    bare.console.availability.forget()

    for path in ("/orders", "/orders/some-order", "/orders/new"):
        page = await person.get(path)

        assert page.status_code == 503
        assert said in text_of(page)
        assert "data-retry" in page.text
        assert page.headers["Retry-After"]
    ready = (await person.get("/health/ready")).json()
    assert ready == {"status": "degraded", "parts": {"api": "down"}}


async def test_without_temporal_new_orders_are_not_promised(bare: Pages) -> None:
    person = await bare.person(CUSTOMER)

    await soon(warned(person), what="the sentence")


async def test_without_a_worker_pages_say_what_is_taken_all_the_same(bare: Pages) -> None:
    person = await bare.person(CUSTOMER)
    ready = {"status": "degraded", "parts": {"temporal": "up", "orderWorkers": "down"}}
    bare.line.answers["GET /health/ready"] = Response(200, json=ready)
    bare.console.availability.forget()

    async def told() -> bool:
        page = text_of(await person.get("/orders"))
        return "Orders and cancellations are taken, but it takes longer" in page

    assert await soon(told)


async def test_an_order_whose_workflow_cannot_be_asked_is_shown_as_it_was_last_known(pages: Pages) -> None:
    person = await pages.person(CUSTOMER)
    order_id = await ordered(person)
    await pages.service.until(order_id, "JOIN_ORDERED")
    body = {"type": "/problems/temporal-unavailable", "title": "", "status": 503, "detail": ""}
    pages.line.answers[f"GET /orders/{order_id}"] = Response(503, json=body)

    page = await person.get(f"/orders/{order_id}")

    assert page.status_code == 200
    assert "this is how it was last known" in text_of(page)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Response(200, text="<html>a proxy</html>"), 503),
        (Response(502, text="<html>a proxy</html>"), 503),
        (Response(500, json={"type": "/problems/internal-error", "status": 500}), 502),
        (Response(429, json={"type": "/problems/too-many-requests", "status": 429}, headers={"Retry-After": "7"}), 429),
        (Response(403, json={"type": "/problems/forbidden", "status": 403, "detail": "secret"}), 403),
        (Response(404, json={"type": "/problems/not-found", "status": 404, "detail": "secret"}), 404),
        (Response(418, json={"type": "/problems/teapot", "status": 418, "detail": "secret"}), 502),
    ],
    ids=lambda value: str(getattr(value, "status_code", value)),
)
async def test_every_answer_of_the_api_becomes_a_page(bare: Pages, answer: Response, status: int) -> None:
    person = await bare.person(CUSTOMER)
    bare.line.answers["GET /orderStatuses"] = answer

    page = await person.get("/orders")

    assert page.status_code == status
    assert "secret" not in page.text
    assert page.headers.get("Retry-After") == ({429: "7", 503: "5"}.get(status))


async def test_a_token_that_the_api_refuses_leads_to_the_sign_in_and_back(bare: Pages) -> None:
    person = await bare.person(CUSTOMER)
    bare.line.answers["GET /orderStatuses"] = Response(401, json={"type": "/problems/unauthenticated", "status": 401})

    answer = await person.get("/orders?cursor=abc")

    assert answer.headers["Location"] == "/login?next=%2Forders%3Fcursor%3Dabc"


async def test_the_api_learns_who_asks_and_from_where(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    bare.line.carried.clear()

    await person.get("/login", headers={"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})

    [asked] = [request for request in bare.line.carried if request.url.path == "/managementCenters/engineers"]
    assert asked.headers["Authorization"].startswith("Bearer ")
    assert asked.headers["X-Forwarded-For"] == "127.0.0.1"
    assert asked.headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert "cookie" not in asked.headers


@pytest.mark.parametrize("traceparent", [b"\xc3\xa9", b"00-0-0-01", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"])
async def test_what_is_no_trace_is_not_passed_on(bare: Pages, traceparent: bytes) -> None:
    page = await bare.browser().get("/login", headers=[(b"traceparent", traceparent)])

    assert page.status_code == 200
    assert bare.line.carried
    assert not [request for request in bare.line.carried if "traceparent" in request.headers]


async def test_an_api_whose_parts_hang_is_not_said_to_be_away(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    person, answered, carry = await bare.person(CUSTOMER), asyncio.Event(), bare.line.handle_async_request

    async def slow(request: Request) -> Response:
        if request.url.path == "/health/ready":
            await answered.wait()
        return await carry(request)

    monkeypatch.setattr(bare.line, "handle_async_request", slow)
    bare.console.availability.forget()

    ready = (await person.get("/health/ready")).json()
    waiting = text_of(await person.get("/orders"))
    answered.set()

    told = warned(person)
    assert ready == {"status": "ready", "parts": {"api": "up"}}
    assert "The service cannot be reached" not in waiting
    await soon(told, what="the part that is down")


@pytest.mark.parametrize(
    ("who", "act", "entered"),
    [
        ("customer:7", "cancel", {"reason": "moved away"}),
        ("customer:7", "reschedule", {"visit": "2027-01-04T04:00:00Z"}),
        (MANAGER, "cancel", {"reason": "moved away"}),
        (MANAGER, "reschedule", {"visit": "2027-01-04T04:00:00Z"}),
        (MANAGER, "assign", {"engineerId": "kr-11-2", "region": "KR-11"}),
    ],
)
async def test_without_an_answer_a_form_about_an_order_comes_back_filled(
    bare: Pages, store: OrderStatusStore, who: str, act: str, entered: dict[str, str]
) -> None:
    await store.put([ORDER])
    person, path, sent = await bare.person(who), f"/orders/{ORDER.order_id}/{act}", entered | {"version": "3"}
    if act == "cancel" and who != MANAGER:
        del sent["version"]
    bare.line.cut |= {"POST /orders", "PUT /managementCenters", "GET /managementCenters"}

    shown = await person.post(path, sent)
    bare.line.answers["GET /order"] = BROKEN
    broken = await person.post(path, sent)
    bare.line.cut |= EVERYTHING
    away = await person.post(path, sent)

    for answer in (shown, broken, away):
        assert answer.status_code == 503
        assert "Nothing of what you entered is lost" in text_of(answer)
        assert sent.items() <= form_of(answer, path).items()
