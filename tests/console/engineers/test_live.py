"""The day is looked at again when something of it has changed, and another's orders are not told."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from httpx2 import AsyncHTTPTransport

from console import streams
from domain.common import contexts
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.api.service import but, listening
from tests.console.browser import ENGINEER, Pages, opened
from tests.console.engineers.visits import ME
from tests.console.managers.test_board import ORDER
from tests.console.streaming import streamed
from tests.eventually import PATIENCE


@pytest.fixture
async def store(without_temporal: Settings) -> AsyncIterator[OrderStatusStore]:
    """The read model, for writing as a worker does."""
    database = Database(without_temporal.database_url(contexts.ORDER_STATUS))
    yield OrderStatusStore(database)
    await database.dispose()


@pytest.fixture
async def pages(without_temporal: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    """A console before an API on a port, because a stream does not end."""
    monkeypatch.setattr(streams, "_OPEN_WITHIN", PATIENCE)
    with listening(without_temporal) as url:
        async with opened(but(without_temporal, console_api_url=url), AsyncHTTPTransport()) as pages:
            yield pages


async def test_a_change_of_their_own_orders_comes_as_the_orders_id_alone(pages: Pages, store: OrderStatusStore) -> None:
    person = await pages.person(ENGINEER)
    cookies = "; ".join(f"{name}={value}" for name, value in person.http.cookies.items())
    mine, others = replace(ORDER, order_id="mine", engineer_id=ME), replace(ORDER, order_id="others", engineer_id="e2")
    async with streamed(pages.app, "/today/live", {"Host": "127.0.0.1:8082", "Cookie": cookies}) as stream:
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
