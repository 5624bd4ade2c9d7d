"""An order's page says when to look again, and only to whom the order is."""

from dataclasses import replace

import pytest

from domain.orders import OrderStatus
from stores.order_status.view import OrderStatusStore
from tests.console.browser import CUSTOMER, Pages
from tests.console.managers.test_board import ORDER
from tests.console.streaming import streamed


@pytest.fixture
def pages(on_a_port: Pages) -> Pages:
    return on_a_port


async def test_a_change_of_their_order_comes_as_its_id_alone(pages: Pages, store: OrderStatusStore) -> None:
    person = await pages.person(CUSTOMER)
    mine, others = (replace(ORDER, order_id=one, customer_id=of) for one, of in (("mine", "1"), ("others", "2")))
    await store.put([mine, others])
    assert 'data-agenda="/orders/mine/live"' in (await person.get("/orders/mine")).text

    async with streamed(pages.app, "/orders/mine/live", {"Host": "127.0.0.1:8082", "Cookie": person.cookies}) as stream:
        await stream.next("live")
        await store.put([replace(others, version=others.version + 1)])
        await store.put([replace(mine, version=mine.version + 1)])
        told = await stream.next()

    assert told.data == "mine"
    assert (await person.get("/orders/others/live")).status_code == 404


async def test_an_order_that_has_ended_is_not_followed(pages: Pages, store: OrderStatusStore) -> None:
    person = await pages.person(CUSTOMER)
    await store.put([replace(ORDER, order_id="ended", customer_id="1", status=OrderStatus.JOIN_COMPLETED)])

    assert 'data-agenda=""' in (await person.get("/orders/ended")).text
