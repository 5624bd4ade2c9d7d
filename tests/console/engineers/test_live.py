"""The day is looked at again when something of it has changed, and another's orders are not told."""

from dataclasses import replace

import pytest

from stores.order_status.view import OrderStatusStore
from tests.console.browser import ENGINEER, Pages
from tests.console.engineers.visits import ME
from tests.console.managers.test_board import ORDER
from tests.console.streaming import streamed


@pytest.fixture
def pages(on_a_port: Pages) -> Pages:
    return on_a_port


async def test_a_change_of_their_own_orders_comes_as_the_orders_id_alone(pages: Pages, store: OrderStatusStore) -> None:
    person = await pages.person(ENGINEER)
    mine, others = replace(ORDER, order_id="mine", engineer_id=ME), replace(ORDER, order_id="others", engineer_id="e2")
    async with streamed(pages.app, "/today/live", {"Host": "127.0.0.1:8082", "Cookie": person.cookies}) as stream:
        await stream.next("live")
        await store.put([others])
        await store.put([mine])
        told = [await stream.next()]
        await store.put([replace(mine, engineer_id="e2", version=mine.version + 1)])
        told.append(await stream.next())

    assert [event.data for event in told] == ["mine", "mine"]
    assert int(told[0].number) < int(told[1].number)


async def test_a_page_names_its_stream(pages: Pages) -> None:
    person = await pages.person(ENGINEER)

    assert 'data-agenda="/today/live"' in (await person.get("/today")).text
