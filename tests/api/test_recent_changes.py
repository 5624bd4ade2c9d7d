"""The changes that a process reads once for all of its listeners: how long they are kept, and who sees them."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from api.order_status import change_stream, recent_changes
from api.order_status.change_stream import ChangeStream
from api.order_status.recent_changes import KEEP_FOR, RecentChanges
from domain.common.errors import StoreUnavailable
from domain.common.reach import Reach
from domain.order_status.view import FeedEntry, OrderChange, OrderFilter, OrderView, Owner
from domain.orders import Event, HistoryEntry, Order
from stores.order_status.view import OrderStatusStore
from tests.eventually import soon

ALL = OrderFilter()
IN_SEOUL = OrderFilter(reach=Reach(regions=frozenset({"KR-11"})))


def entry(sequence: int, order_id: str = "o", region: str = "KR-11") -> FeedEntry:
    order = Order(order_id, "1", region=region, version=sequence)
    return FeedEntry(sequence, OrderView(order), None, Owner(order_id, "1", None, region))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> RecentChanges:
    return RecentChanges(clock)


def told(recent: RecentChanges, after: int, wanted: OrderFilter = ALL, limit: int = 100) -> tuple[list[int], int]:
    found, reached = recent.after(after, wanted, limit)
    return [change.sequence for change in found], reached


def test_it_reaches_back_to_where_it_has_begun(recent: RecentChanges) -> None:
    assert not recent.reach_back_to(10)
    recent.begin(5)
    recent.add([entry(6), entry(8)], up_to=9)

    assert [recent.reach_back_to(position) for position in (4, 5, 6, 9, 12)] == [False, True, True, True, True]
    assert told(recent, 5) == ([6, 8], 9)
    assert told(recent, 6) == ([8], 9)
    assert told(recent, 7, limit=1) == ([8], 8)
    assert told(recent, 12) == ([], 12)


def test_what_is_too_old_or_too_much_is_forgotten(
    recent: RecentChanges, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent.begin(0)
    recent.add([entry(1), entry(2)], up_to=2)
    clock.now += KEEP_FOR - 0.1
    recent.add([entry(3)], up_to=3)
    assert recent.reach_back_to(0)

    clock.now += 0.2
    assert not recent.reach_back_to(1)
    assert recent.reach_back_to(2)
    assert told(recent, 2) == ([3], 3)

    monkeypatch.setattr(recent_changes, "MOST_KEPT", 2)
    recent.add([entry(4), entry(5)], up_to=5)
    assert not recent.reach_back_to(2)
    assert told(recent, 3) == ([4, 5], 5)


def test_whose_an_order_is_now_decides_also_while_a_listener_takes_it(recent: RecentChanges) -> None:
    recent.begin(0)
    recent.add([entry(1, "stays"), entry(2, "goes"), entry(3, "comes", "KR-26")], up_to=3)
    assert told(recent, 0, IN_SEOUL)[0] == [1, 2]

    taking, _ = recent.after(0, IN_SEOUL, 100)
    assert next(taking).sequence == 1
    recent.add([entry(4, "goes", "KR-26"), entry(5, "comes")], up_to=5)
    assert [change.sequence for change in taking] == [3]
    assert told(recent, 0, IN_SEOUL)[0] == [1, 3, 5]


def test_an_engineer_gets_each_version_with_what_has_happened_to_the_order_by_now(recent: RecentChanges) -> None:
    def version(sequence: int, *events: Event) -> FeedEntry:
        history = [HistoryEntry(event) for event in events]
        order = Order("o", "1", engineer_id="e1", version=sequence, history=history)
        return FeedEntry(sequence, OrderView(order), None, Owner("o", "1", "e1", None))

    recent.begin(0)
    requested, completed = version(1, Event.INSTALLATION_REQUESTED), version(2, Event.INSTALLATION_COMPLETED)
    recent.add([requested, completed], up_to=2)

    found, _ = recent.after(0, OrderFilter(reach=Reach(engineer_id="e1")), 100)

    assert [change.history_now for change in found] == [completed.view.order.history] * 2


class Counted(OrderStatusStore):
    """A store of changes in memory that counts what is read."""

    def __init__(self) -> None:
        self.entries: list[FeedEntry] = []
        self.down = False
        self.refused = 0
        self.reads: list[str] = []
        self.read: list[weakref.ref[FeedEntry]] = []
        """What was read for all listeners."""

    async def last_sequence(self) -> int:
        if self.down:
            self.refused += 1
            raise StoreUnavailable("down")
        return len(self.entries)

    async def feed(self, after: int, up_to: int, limit: int) -> Sequence[FeedEntry]:
        self.reads.append("feed")
        found = [replace(each) for each in self.entries[after:up_to][:limit]]
        self.read += map(weakref.ref, found)
        return found

    async def changes_after(
        self, sequence: int, wanted: OrderFilter, limit: int, *, up_to: int | None = None
    ) -> Sequence[OrderChange]:
        self.reads.append("one listener")
        found = (each.seen(wanted, each) for each in self.entries[sequence:up_to])
        return [change for change in found if change][:limit]

    async def was_refused(self) -> bool:
        return self.refused > 0

    def happen(self, *entries: FeedEntry) -> None:
        self.entries += entries


@asynccontextmanager
async def running(store: Counted) -> AsyncIterator[ChangeStream]:
    stream = ChangeStream(store, CollectorRegistry())
    task = asyncio.create_task(stream.run())
    try:
        yield stream
    finally:
        await stream.stop()
        await task


async def test_however_many_listen_a_change_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_stream, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(recent_changes, "KEEP_FOR", 3600.0)
    store, heard = Counted(), [0] * 200
    async with running(store) as stream:

        async def listen(number: int) -> None:
            wanted = IN_SEOUL if number % 2 else ALL
            async for _ in stream.changes(0, wanted):
                heard[number] += 1

        async def all_have(changes: int) -> None:
            async def heard_them() -> bool:
                return set(heard) == {changes}

            await soon(heard_them, what=f"{changes} changes")

        with ExitStack() as seats:
            for number in range(len(heard)):
                seats.enter_context(stream.seat(f"client-{number}"))
            listening = [asyncio.create_task(listen(number)) for number in range(len(heard))]
            store.happen(entry(1))
            await all_have(1)
            store.reads.clear()
            for sequence in range(2, 7):
                store.happen(entry(sequence))
                await all_have(sequence)
            await stream.stop()
            await asyncio.gather(*listening)

    assert store.reads == ["feed"] * 5


async def test_who_comes_back_reads_the_store_until_it_has_caught_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_stream, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(change_stream, "AT_ONCE", 2)
    store = Counted()
    store.happen(*(entry(sequence) for sequence in range(1, 6)))
    async with running(store) as stream:
        with stream.seat("somebody"):
            changes = stream.changes(0, ALL)
            assert [(await anext(changes)).sequence for _ in range(5)] == [1, 2, 3, 4, 5]
            assert "one listener" in store.reads
            store.happen(entry(6))
            assert (await anext(changes)).sequence == 6
            await changes.aclose()


async def test_while_nobody_listens_nothing_is_kept_and_whoever_comes_next_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(change_stream, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(recent_changes, "KEEP_FOR", 3600.0)
    store = Counted()
    async with running(store) as stream:
        for first in range(1, 10, 3):
            with stream.seat("somebody"):
                changes = stream.changes(first - 1, ALL)
                for sequence in range(first, first + 3):
                    store.happen(entry(sequence))
                    assert (await anext(changes)).sequence == sequence
                await changes.aclose()

    assert store.read
    gc.collect()
    assert not [each for each in store.read if each() is not None]


async def test_after_a_store_that_was_away_and_after_very_many_changes_nothing_is_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("LOOK_EVERY", 0.01), ("PAUSE", 0.01), ("WINDOW", 10), ("AT_ONCE", 4)):
        monkeypatch.setattr(change_stream, name, value)
    store = Counted()
    async with running(store) as stream:
        with stream.seat("somebody"):
            changes = stream.changes(0, ALL)
            store.happen(entry(1))
            assert (await anext(changes)).sequence == 1
            store.down = True
            await soon(store.was_refused, what="the store is asked while it is away")
            store.happen(*(entry(sequence) for sequence in range(2, 60)))
            store.down = False
            assert [(await anext(changes)).sequence for _ in range(58)] == [*range(2, 60)]
            await changes.aclose()
