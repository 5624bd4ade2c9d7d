import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from api.order_status import change_stream as feed
from domain.common import contexts
from domain.order_status.view import OrderChange, OrderFilter
from domain.orders import Attention, HistoryEntry, Order, OrderStatus
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.api.problems import assert_problem
from tests.api.service import but, listening
from tests.eventually import PATIENCE, soon


@pytest.fixture
def settings(without_temporal: Settings) -> Settings:
    return without_temporal


@dataclass
class Event:
    id: int
    event: str
    data: dict[str, Any]


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[OrderStatusStore]:
    """The read model, for writing as a worker does."""
    database = Database(settings.database_url(contexts.ORDER_STATUS), deadline_seconds=PATIENCE)
    yield OrderStatusStore(database)
    await database.dispose()


@asynccontextmanager
async def events(url: str, query: str = "", last: int | None = None) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with (
        httpx2.AsyncClient(base_url=url, timeout=PATIENCE) as http,
        http.stream("GET", f"/orderStatuses/events?{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield parsed(answer)


async def parsed(answer: httpx2.Response) -> AsyncIterator[Event]:
    found: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "data" in found:
            yield Event(int(found["id"]), found["event"], json.loads(found["data"]))
            found = {}


async def test_a_listener_gets_what_is_stored_from_now_on(settings: Settings, store: OrderStatusStore) -> None:
    await store.put([Order("before")])
    with listening(settings) as url:
        async with events(url) as stream:
            await store.put([Order("one"), Order("two")])
            await store.put([Order("one", status=OrderStatus.ENGINEER_ASSIGNED, version=1)])
            got = [await anext(stream) for _ in range(3)]

        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            row = (await http.get(f"{url}/orderStatuses/one")).json()

    assert [event.data["orderId"] for event in got] == ["one", "two", "one"]
    assert {event.event for event in got} == {"orderStatus"}
    assert got[0].id < got[1].id < got[2].id
    assert got[2].data == row


async def test_values_of_a_newer_release_are_told_as_they_are(settings: Settings, store: OrderStatusStore) -> None:
    newer = "OF_A_NEWER_RELEASE"
    with listening(settings) as url:
        async with events(url) as stream:
            await store.put(
                [Order("one", status=OrderStatus(newer), attention=Attention(newer), history=[HistoryEntry(newer)])]
            )
            await store.put([Order("two")])
            got = [(await anext(stream)).data for _ in range(2)]

    assert [order["status"] for order in got] == [newer, "JOIN_ORDERED"]
    assert (got[0]["attention"]["reason"], got[0]["history"][0]["event"]) == (newer, newer)


async def test_a_listener_goes_on_after_the_last_event_it_has_seen(
    settings: Settings, store: OrderStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "AT_ONCE", 3)
    with listening(settings) as url:
        await store.put([Order(f"order-{number}") for number in range(10)])
        async with events(url, last=0) as stream:
            everything = [await anext(stream) for _ in range(10)]
        async with events(url, last=everything[3].id) as stream:
            rest = [await anext(stream) for _ in range(6)]
        async with events(url, last=2**40) as stream:
            await store.put([Order("later")])
            later = await anext(stream)

    assert [event.data["orderId"] for event in everything] == [f"order-{number}" for number in range(10)]
    assert rest == everything[4:]
    assert later.data["orderId"] == "later"


async def test_a_listener_gets_what_it_has_asked_for(settings: Settings, store: OrderStatusStore) -> None:
    with listening(settings) as url:
        async with events(url, "status=JOIN_COMPLETED&region=KR-11") as stream:
            for number in range(5):
                await store.put([Order(f"other-{number}", status=OrderStatus.JOIN_COMPLETED, region="KR-26")])
            await store.put([Order("wanted", status=OrderStatus.JOIN_COMPLETED, region="KR-11")])
            assert (await anext(stream)).data["orderId"] == "wanted"


class Log(OrderStatusStore):
    """A store with many changes that do not match. Keeps the requested positions."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.looked_through: list[tuple[int, int | None]] = []

    async def last_sequence(self) -> int:
        return self.length

    async def changes_after(
        self, sequence: int, wanted: OrderFilter, limit: int, *, up_to: int | None = None
    ) -> Sequence[OrderChange]:
        self.looked_through.append((sequence, up_to))
        return []


async def test_a_listener_who_wants_nothing_of_a_long_log_looks_through_each_part_of_it_once() -> None:
    log = Log(9000)
    told = feed.ChangeStream(log, CollectorRegistry())
    running = asyncio.create_task(told.run())

    async def at_the_end() -> bool:
        return (8000, 10000) in log.looked_through

    with told.seat("somebody"):
        listening = asyncio.create_task(anext(told.changes(0, OrderFilter(customer_id="nobody")), None))
        await soon(at_the_end)
        await told.stop()
        await asyncio.gather(running, listening)

    # There may be a look before anybody knows how long the log is.
    assert log.looked_through[-5:] == [(0, 2000), (2000, 4000), (4000, 6000), (6000, 8000), (8000, 10000)]


async def test_a_listener_gets_past_what_it_does_not_want(
    settings: Settings, store: OrderStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WINDOW", 3)
    await store.put([Order(f"other-{number}") for number in range(20)])
    await store.put([Order("wanted", "someone")])
    with listening(settings) as url:
        async with events(url, "customerId=someone", last=0) as stream:
            assert (await anext(stream)).data["orderId"] == "wanted"


async def test_many_listeners_get_the_same(settings: Settings, store: OrderStatusStore) -> None:
    with listening(settings) as url:

        async def first() -> Event:
            async with events(url) as stream:
                ready.release()
                return await anext(stream)

        ready = asyncio.Semaphore(0)
        waiting = [asyncio.create_task(first()) for _ in range(20)]
        for _ in waiting:
            await ready.acquire()
        await store.put([Order("one")])
        got = await asyncio.gather(*waiting)

    assert {event.data["orderId"] for event in got} == {"one"}


async def test_a_stream_ends_promptly_when_the_api_stops(settings: Settings) -> None:
    api = listening(but(settings, graceful_shutdown_seconds=600))
    url = api.__enter__()
    async with events(url) as stream:
        # A stream that does not end by itself holds the API up.
        async with asyncio.timeout(PATIENCE):
            await asyncio.to_thread(api.__exit__, None, None, None)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


@pytest.mark.parametrize(("query", "last"), [("status=OPEN", None), ("", "x"), ("", "-1"), ("", "9" * 30)])
async def test_a_bad_parameter_is_malformed(settings: Settings, query: str, last: str | None) -> None:
    with listening(settings) as url:
        async with httpx2.AsyncClient(timeout=PATIENCE) as http:
            headers = {"Last-Event-ID": last} if last else {}
            answer = await http.get(f"{url}/orderStatuses/events?{query}", headers=headers)

    assert_problem(answer, 400, "malformed-request")
