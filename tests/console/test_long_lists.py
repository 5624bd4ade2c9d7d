"""What is longer than a page reads says so, and nothing is concluded from what was not read."""

from dataclasses import replace

import pytest
from httpx2 import Response

from console import lists
from domain.orders import OrderStatus
from stores.order_status.view import OrderStatusStore
from tests.console.browser import CUSTOMER, ENGINEER, MANAGER, Pages, text_of
from tests.console.calendars.entering import REGION, entered
from tests.console.calendars.test_lists import VISIT
from tests.console.customers.ordering import offer_products
from tests.console.engineers.visits import ME, day, visit, window
from tests.console.managers.test_board import ORDER


@pytest.fixture
async def pages(bare: Pages, monkeypatch: pytest.MonkeyPatch) -> Pages:
    """A console that reads one item of each list."""
    monkeypatch.setattr(lists, "PAGE", 1)
    monkeypatch.setattr(lists, "MOST_PAGES", 1)
    return bare


async def page_of(pages: Pages, person: str, path: str) -> str:
    return text_of(await (await pages.person(person)).get(path))


async def test_no_skill_is_called_missing_while_not_all_engineers_are_known(pages: Pages) -> None:
    product = {"productId": "giga", "name": "Giga", "localName": "기가", "skills": ["fiber"]}
    assert (await pages.service.http.post("/managementCenters/products", json=product)).status_code == 201

    assert "No engineer has all of them" not in await page_of(pages, MANAGER, "/products")


async def test_every_engineer_of_a_calendar_has_a_name(pages: Pages) -> None:
    engineers = (await pages.service.http.get("/managementCenters/engineers?region=KR-11")).json()["items"]
    for one in engineers:
        await entered(pages, "/days-off", engineerId=one["engineerId"])
    assert len(engineers) > 1

    page = await page_of(pages, MANAGER, "/days-off")

    assert [one["name"] for one in engineers if one["name"] not in page] == []


async def test_engineers_who_cannot_be_chosen_are_not_left_out_unnoticed(pages: Pages) -> None:
    page = await page_of(pages, MANAGER, f"/days-off/new?region={REGION}")

    assert "There are more engineers than can be listed here." in page


async def test_visits_that_lose_their_time_are_not_left_out_unnoticed(pages: Pages) -> None:
    entry_id = await entered(pages, "/extra-shifts")
    path = f"/extra-shifts/{entry_id}/remove"
    listed = [VISIT | {"orderId": f"{number:016}"} for number in range(21)]
    pages.line.answers["GET /installations"] = Response(200, json={"items": listed, "nextCursor": "more"})

    assert "21 visits are booked on these days (there are more)" in await page_of(pages, MANAGER, path)
    pages.line.answers["GET /installations"] = Response(200, json={"items": listed, "nextCursor": None})
    assert "21 visits are booked on these days" in (page := await page_of(pages, MANAGER, path))
    assert "there are more" not in page
    assert "These are the first of them." in page


async def test_visits_of_whoever_retires_are_not_left_out_unnoticed(pages: Pages) -> None:
    for number, hour in enumerate((9, 11)):
        await visit(pages, f"o-{number}", window(hour, 7))

    page = await page_of(pages, MANAGER, f"/engineers/{ME}/retire")

    assert "1 booked visit goes to another engineer (there are more)" in page


async def test_visits_of_a_day_are_not_left_out_unnoticed(pages: Pages) -> None:
    for number, hour in enumerate((9, 11)):
        await visit(pages, f"o-{number}", window(hour, 7))

    page = await page_of(pages, ENGINEER, f"/today?date={day(7)}")

    assert "There are more visits than can be shown here." in page


async def test_products_are_not_left_out_unnoticed(pages: Pages) -> None:
    await offer_products(pages.service)

    page = await page_of(pages, CUSTOMER, "/orders/new")

    assert "There are more products than can be listed here." in page


async def test_orders_that_were_not_looked_at_are_not_said_to_have_ended(
    pages: Pages, store: OrderStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.reports.erasing._MOST_ORDERS", 1)
    ended = replace(ORDER, status=OrderStatus.JOIN_COMPLETED)
    await store.put([ended, replace(ended, order_id="another")])

    page = await page_of(pages, MANAGER, f"/customers/{ORDER.customer_id}/erase")

    assert "All have ended" not in page
    assert "It has ended" not in page
    assert "Older ones are not looked at here" in page
