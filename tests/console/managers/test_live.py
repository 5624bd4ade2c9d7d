"""The board moves by itself: changes come as rows, and whoever comes back misses none."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from httpx2 import AsyncHTTPTransport

from domain.orders import Attention, HistoryEntry, Order, OrderStatus
from runtime.settings import Settings
from stores.order_status.view import OrderStatusStore
from tests.api.service import but
from tests.console.browser import MANAGER, Browser, Pages, opened
from tests.console.managers.test_board import ORDER
from tests.console.streaming import Stream, streamed


@pytest.fixture
def pages(on_a_port: Pages) -> Pages:
    return on_a_port


def fresh(order_id: str, **changes: object) -> Order:
    """Return an order that is placed now."""
    entry = HistoryEntry("JoinOrdered", datetime.now(UTC) + timedelta(minutes=1), "customer:1")
    return replace(ORDER, **{"order_id": order_id, "history": [entry], **changes})  # type: ignore[arg-type]


async def live_of(person: Browser, path: str) -> tuple[str, str]:
    """Return the address of a list's stream, and the number after which it begins."""
    page = (await person.get(path)).text
    [live], [after] = re.findall(r'data-live="([^"]*)"', page), re.findall(r'data-after="(\d+)"', page)
    return unescape(live), after


@asynccontextmanager
async def followed(pages: Pages, person: Browser, path: str, *, last: str | None = None) -> AsyncIterator[Stream]:
    """Open a list, and its stream as the page does."""
    live, after = await live_of(person, path)
    headers = {
        "Host": "127.0.0.1:8082",
        "Cookie": person.cookies,
        "Accept-Language": person.http.headers["Accept-Language"],
    }
    headers |= {"Last-Event-ID": last} if last else {}
    async with streamed(pages.app, f"{live}&after={after}", headers) as stream:
        yield stream


async def test_a_change_comes_to_the_board_as_the_row_that_a_reload_would_show(
    pages: Pages, store: OrderStatusStore
) -> None:
    await store.put([ORDER])
    person = await pages.person(MANAGER, "ko")
    async with followed(pages, person, "/board") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        await stream.next("live")
        await store.put([replace(ORDER, status=OrderStatus.INSTALLATION_ACCEPTED, version=4)])
        row = await stream.next()

    reloaded = (await person.get("/board")).text
    assert f'<tr id="order-{ORDER.order_id}" data-version="4"' in row.data
    assert [line.strip() for line in re.sub(" data-fresh", "", row.data).splitlines()][:3] == [
        line.strip() for line in reloaded[reloaded.index("<tr id=") :].splitlines()
    ][:3]


async def test_what_changed_between_page_and_stream_is_not_missed(pages: Pages, store: OrderStatusStore) -> None:
    await store.put([ORDER])
    person = await pages.person(MANAGER)
    live, after = await live_of(person, "/board")
    await store.put([replace(ORDER, version=4)])
    async with streamed(
        pages.app, f"{live}&after={after}", {"Host": "127.0.0.1:8082", "Cookie": person.cookies}
    ) as stream:
        assert 'data-version="4"' in (await stream.next()).data


async def test_whoever_comes_back_begins_after_the_last_event_they_have_seen(
    pages: Pages, store: OrderStatusStore
) -> None:
    person = await pages.person(MANAGER)
    async with followed(pages, person, "/board") as stream:
        for at in range(4):
            await store.put([fresh(f"o{at}")])
        seen = [await stream.next() for _ in range(2)]
    async with followed(pages, person, "/board", last=seen[-1].number) as stream:
        await store.put([fresh("o4")])
        rest = [await stream.next() for _ in range(3)]

    assert [re.findall(r'id="order-(\w+)"', event.data)[0] for event in seen + rest] == ["o0", "o1", "o2", "o3", "o4"]


async def test_an_order_that_leaves_the_list_is_seen_leaving_it(pages: Pages, store: OrderStatusStore) -> None:
    await store.put([ORDER])
    person = await pages.person(MANAGER)
    async with followed(pages, person, "/board?status=INSTALLATION_REQUESTED") as stream:
        await store.put([replace(ORDER, status=OrderStatus.INSTALLATION_ACCEPTED, version=4)])
        row = (await stream.next()).data

    assert 'class="gone"' in row
    assert "no longer in this list" in row
    assert "data-fresh" not in row


@pytest.mark.parametrize(
    ("path", "attention", "announced"),
    [
        ("/board", None, True),
        ("/board?region=KR-11", None, True),
        ("/board?region=KR-26", None, False),
        ("/attention", None, False),
        ("/attention", Attention("NO_CAPACITY", datetime(2026, 12, 1, tzinfo=UTC)), True),
    ],
)
async def test_a_new_order_of_the_list_is_announced(
    pages: Pages, store: OrderStatusStore, path: str, attention: Attention | None, announced: bool
) -> None:
    async with followed(pages, await pages.person(MANAGER), path) as stream:
        await store.put([fresh("new", attention=attention)])
        row = (await stream.next()).data

    assert (" data-fresh" in row) == announced


async def test_an_order_of_another_page_is_not_announced_as_new(
    pages: Pages, store: OrderStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.managers.listing._ROWS", 1)
    old = replace(ORDER, history=[HistoryEntry("JoinOrdered", datetime(2026, 1, 1, tzinfo=UTC))])
    await store.put([replace(old, order_id=f"o{at}") for at in range(3)])
    async with followed(pages, await pages.person(MANAGER), "/board") as stream:
        await store.put([replace(old, order_id="o0", version=4)])
        await store.put([fresh("new")])
        rows = [(await stream.next()).data for _ in range(2)]

    assert [" data-fresh" in row for row in rows] == [False, True]


async def test_an_order_that_was_erased_is_not_new_and_the_stream_goes_on(
    pages: Pages, store: OrderStatusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.managers.listing._ROWS", 1)
    await store.put([replace(ORDER, order_id=f"o{at}") for at in range(2)])
    async with followed(pages, await pages.person(MANAGER), "/board") as stream:
        await store.put([fresh("erased", history=[])])
        await store.put([fresh("new")])
        rows = [(await stream.next()).data for _ in range(2)]

    assert [" data-fresh" in row for row in rows] == [False, True]


async def test_a_manager_of_a_region_hears_of_its_orders_alone(pages: Pages, store: OrderStatusStore) -> None:
    async with followed(pages, await pages.person("manager:KR-11"), "/board") as stream:
        await store.put([fresh("theirs", region="KR-26")])
        await store.put([fresh("ours")])

        assert "order-ours" in (await stream.next()).data


async def test_without_the_api_the_page_learns_that_nothing_comes(without_temporal: Settings) -> None:
    async with opened(but(without_temporal, console_api_url="http://127.0.0.1:1"), AsyncHTTPTransport()) as pages:
        response = pages.console.streams.response("", {}, lambda _: "")
        sent = [str(part) async for part in response.body_iterator]

    assert sent[0].startswith("retry: ")
    assert sent[1:] == ["event: away\ndata: \n\n"]


async def test_a_process_that_stops_ends_its_streams_and_begins_none(pages: Pages, store: OrderStatusStore) -> None:
    person = await pages.person(MANAGER)
    async with followed(pages, person, "/board") as stream:
        await stream.next("live")
        await pages.console.streams.stop()

        assert (await stream.rest())[-1] == "away"
    async with followed(pages, person, "/board") as later:
        assert await later.rest() == ["away"]


async def test_without_a_session_there_is_no_stream(pages: Pages) -> None:
    async with streamed(pages.app, "/board/live", {"Host": "127.0.0.1:8082"}) as stream:
        assert stream.status == 303
        assert stream.headers["location"].startswith("/login")
