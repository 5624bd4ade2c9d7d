"""A customer's data is erased by a form alone, once asked, and the page says what the service answers."""

from dataclasses import replace

import pytest
from httpx2 import Response

from domain.orders import OrderStatus
from stores.order_status.view import OrderStatusStore
from tests.console.browser import MANAGER, Pages, text_of
from tests.console.managers.test_board import ORDER

PATH = "/customers/kim%2F7%40example.com/erase"
CUSTOMER_ID = "kim/7@example.com"
OF_API = "/orders/customers/kim%2F7%40example.com/personalData"
ENDED = replace(ORDER, customer_id=CUSTOMER_ID, status=OrderStatus.JOIN_COMPLETED)


async def put(pages: Pages, order: object) -> None:
    await pages.service.app.state.services.get(OrderStatusStore).put([order])


def erased(pages: Pages) -> list[str]:
    """Return the paths of erasures that the API was asked for."""
    return [request.url.raw_path.decode() for request in pages.line.carried if request.method == "DELETE"]


async def test_the_form_leads_to_a_page_that_asks_and_erases_nothing(bare: Pages) -> None:
    await put(bare, ENDED)
    person = await bare.person(MANAGER)

    asked = await person.get(f"/erasure?customerId={CUSTOMER_ID}")
    assert asked.headers["Location"] == PATH
    text = text_of(await person.follow(asked))
    assert f"Erase the data of customer {CUSTOMER_ID}" in text
    assert "1 order of this customer is known. It has ended." in text
    assert "This cannot be undone." in text
    assert "The audit keeps the customer's number" in text
    assert erased(bare) == []


async def test_without_a_number_nothing_is_asked(bare: Pages) -> None:
    page = await (await bare.person(MANAGER)).get("/erasure?customerId=")

    assert page.status_code == 422
    assert "This is missing." in text_of(page)


@pytest.mark.parametrize(
    ("erased_orders", "said"),
    [(1, "The data in 1 order is erased."), (3, "The data in 3 orders is erased."), (0, "Nothing was left to erase")],
)
async def test_it_says_how_much_was_erased(bare: Pages, erased_orders: int, said: str) -> None:
    bare.line.answers[f"DELETE {OF_API.replace('%2F', '/').replace('%40', '@')}"] = Response(
        200, json={"erasedOrders": erased_orders}
    )
    person = await bare.person(MANAGER)

    assert said in text_of(await person.follow(await person.post(PATH)))


async def test_what_is_only_recorded_is_not_called_done(bare: Pages) -> None:
    bare.line.answers["DELETE /orders/customers"] = Response(202, json={"erasedOrders": None})
    person = await bare.person(MANAGER)

    page = await person.follow(await person.post(PATH))

    assert "The erasure is recorded" in text_of(page)
    assert "is erased." not in text_of(page)
    assert "See whether it is done" in text_of(page)
    again = await person.post(PATH)
    assert again.status_code == 303


async def test_open_orders_are_named_and_nothing_is_offered(bare: Pages) -> None:
    await put(bare, replace(ENDED, status=OrderStatus.INSTALLATION_REQUESTED))
    problem = {"type": "https://example/problems/orders-open", "status": 409, "detail": ""}
    bare.line.answers["DELETE /orders/customers"] = Response(409, json=problem)
    person = await bare.person(MANAGER)

    page = await person.get(PATH)
    assert 'href="/orders/0123456789abcdef"' in page.text
    assert "button danger" not in page.text
    refused = await person.post(PATH)
    assert refused.status_code == 409
    assert "The customer has an open order." in text_of(refused)
    assert 'href="/orders/0123456789abcdef"' in refused.text


async def test_while_nothing_answers_the_page_stays_and_can_be_sent_again(bare: Pages) -> None:
    person = await bare.person(MANAGER)
    refused = await person.post(PATH)  # the API has no Temporal
    assert refused.status_code == 503
    assert "it will not be done twice" in text_of(refused)
    assert f'action="{PATH}"' in refused.text
    assert erased(bare) == [OF_API]

    bare.line.answers["POST /orderStatuses"] = Response(500, json={"type": "/problems/internal-error"})
    for also in ("DELETE", "POST /orderStatuses"):
        bare.line.cut.add(also)
        refused = await person.post(PATH)
        assert refused.status_code == 503
        assert "The service did not answer." in text_of(refused)
        assert "cannot be told now" in text_of(refused)
        assert f'action="{PATH}"' in refused.text


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_manager_of_a_region_is_not_asked_and_erases_nothing(bare: Pages, method: str) -> None:
    await put(bare, ENDED)
    person = await bare.person("manager:KR-11")

    answer = await (person.get(PATH) if method == "GET" else person.post(PATH))

    assert answer.status_code == 403
    assert "You are not allowed to do this." in text_of(answer)
    assert ("button danger" in answer.text) is False


@pytest.mark.parametrize(
    ("person", "status", "leads"),
    [
        (MANAGER, OrderStatus.JOIN_COMPLETED, True),
        (MANAGER, OrderStatus.INSTALLATION_REQUESTED, False),
        ("manager:KR-11", OrderStatus.JOIN_COMPLETED, False),
    ],
)
async def test_an_order_leads_to_the_erasure_once_it_has_ended(
    bare: Pages, person: str, status: OrderStatus, leads: bool
) -> None:
    order: dict[str, object] = {
        **dict.fromkeys(("customerName", "contactPhone", "note", "visit", "engineerName", "attention")),
        "orderId": ENDED.order_id,
        "customerId": CUSTOMER_ID,
        "status": status,
        "region": "KR-11",
        "version": 3,
        "productId": "2001",
        "productName": "인터넷",
        "installationAddress": "서울",
        "orderDate": "2026-11-29",
        "engineerId": None,
        "history": [],
        "stale": False,
    }
    bare.line.answers[f"GET /orders/{ENDED.order_id}"] = Response(200, json=order)

    page = await (await bare.person(person)).get(f"/orders/{ENDED.order_id}")

    assert page.status_code == 200
    assert (f'href="{PATH}"' in page.text) is leads
