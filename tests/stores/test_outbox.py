"""The outbox: what it tells of an order, how it is read, and how long it keeps what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.common import contexts
from domain.common.errors import MalformedCursor
from domain.common.times import UNSET
from domain.event_delivery.relay import OutboxEvent
from domain.order_events import event_id
from domain.orders import Event, HistoryEntry, OrderStatus
from stores.common.database import Database
from stores.order_status import outbox, view
from stores.order_status.census import OrderCensus
from stores.order_status.erasure import ErasureStore
from stores.order_status.outbox import KEEP_FOR, KEEP_RELAYED_FOR, OutboxStore
from stores.order_status.view import OrderStatusStore
from tests.stores.orders import NOON
from tests.stores.telling import ids, of_entries, rows, store_as_before, written


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


@pytest.fixture
def told(database: Database) -> OutboxStore:
    return OutboxStore(database)


async def test_an_order_is_told_once_with_what_was_true_then(
    store: OrderStatusStore, told: OutboxStore, database: Database
) -> None:
    before = await told.last()
    await store.put([of_entries("o1", 0), of_entries("o2", 0)])
    accepted = HistoryEntry(Event.ORDER_ACCEPTED, NOON, "system", "why", "KR-11", "e1", None, 1)
    for _ in range(2):
        await store.put([of_entries("o1", 1, accepted, region="KR-11", engineer_id="e1")])

    read = await told.read(before, 10)

    assert [(each.subject, each.position, each.event, each.region) for each in read.events] == [
        ("o1", 0, "JoinOrdered", None),
        ("o2", 0, "JoinOrdered", None),
        ("o1", 1, "OrderAccepted", "KR-11"),
    ]
    assert read.events[2] == OutboxEvent(
        event_id("o1", 1, accepted),
        "o1",
        1,
        "OrderAccepted",
        NOON,
        {
            **read.events[0].data,
            "position": 1,
            "status": "ENGINEER_ASSIGNED",
            "previousStatus": "JOIN_ORDERED",
            "by": "system",
            "region": "KR-11",
            "engineerId": "e1",
            "assignmentRound": 1,
        },
        "KR-11",
    )
    assert (read.up_to, read.last) == (before + 3, before + 3)
    assert before > NOON.timestamp() * 1000, "the first numbers are a time in milliseconds"


async def test_what_the_release_before_has_stored_is_told_once(
    database: Database, store: OrderStatusStore, told: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_PAGE", 3)
    stored = [of_entries(f"o{number}", 1, Event.ORDER_ACCEPTED) for number in range(7)]
    for each in stored:
        await store_as_before(database, each)
    await store.put([replace(stored[0], version=2)])
    pages: list[int] = []
    cursor: str | None = None
    while not pages or cursor is not None:
        page = await told.tell_untold(UNSET, cursor)
        pages, cursor = [*pages, page.told], page.next

    assert pages == [4, 6, 2]
    assert await written(database) == [each for one in stored for each in ids(one.order_id, one.history)]
    assert (await told.tell_untold(UNSET, None)).told == 0
    await store_as_before(
        database, replace(stored[6], version=3, history=[*stored[6].history, HistoryEntry("X", NOON)])
    )
    assert (await told.tell_untold(NOON + timedelta(seconds=1), None)).told == 0
    assert (await told.tell_untold(NOON, None)).told == 0, "an event of a newer release is left to that"
    with pytest.raises(MalformedCursor):
        await told.tell_untold(UNSET, "nonsense")


async def test_an_erasure_is_told_once(database: Database, store: OrderStatusStore) -> None:
    ended = of_entries("o1", 1, Event.CANCEL_ORDERED, Event.ORDER_CANCELED, status=OrderStatus.ORDER_CANCELED)
    await store.put([ended])

    for _ in range(2):
        await ErasureStore(database).erase(["o1"])

    assert [row.event for row in await rows(database)] == [
        "JoinOrdered",
        "CancelOrdered",
        "OrderCanceled",
        "PersonalDataErased",
    ]


@pytest.mark.parametrize("most_bytes", [1_000_000, 1, 2000])
async def test_a_reader_goes_on_where_it_stopped(
    store: OrderStatusStore, told: OutboxStore, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(outbox, "_MOST_BYTES", most_bytes)
    first = await told.last()
    await store.put([of_entries(f"o{number}", 0) for number in range(5)])
    position, found = first, []
    while (read := await told.read(position, 2)).events:
        found += [each.subject for each in read.events]
        position = read.up_to
        assert read.last == first + 5

    assert sorted(found) == [f"o{number}" for number in range(5)]
    assert (position, read.up_to, read.last) == (first + 5, first + 5, first + 5)
    assert len((await told.read(first, 5)).events) == {1_000_000: 5, 1: 1, 2000: 2}[most_bytes]
    beyond = await told.read(first + 100, 2)
    assert (beyond.events, beyond.up_to, beyond.last) == ([], first + 100, first + 5)


async def test_monitoring_sees_since_when_the_oldest_event_waits(
    database: Database, store: OrderStatusStore, told: OutboxStore
) -> None:
    census = OrderCensus(database)
    assert (await census.take()).uncopied_since is None
    await store.put([of_entries("o1", 0)])
    await OrderStatusStore(database, now=lambda: NOON + timedelta(hours=1)).put([of_entries("o2", 0)])
    assert (await census.take()).uncopied_since == NOON
    await told.relayed(await told.last() - 1)
    assert (await census.take()).uncopied_since == NOON + timedelta(hours=1)
    await told.relayed(await told.last())
    assert (await census.take()).uncopied_since is None


@pytest.mark.parametrize(
    ("copied", "age", "left"),
    [
        (True, KEEP_RELAYED_FOR + timedelta(minutes=1), 1),
        (True, KEEP_RELAYED_FOR - timedelta(minutes=1), 4),
        (False, KEEP_FOR - timedelta(minutes=1), 4),
        (False, KEEP_FOR + timedelta(minutes=1), 1),
    ],
)
async def test_events_are_kept_until_they_are_copied_but_not_for_ever(
    database: Database, told: OutboxStore, monkeypatch: pytest.MonkeyPatch, copied: bool, age: timedelta, left: int
) -> None:
    monkeypatch.setattr(view, "_PRUNE_EVERY", 1)
    await OrderStatusStore(database, now=lambda: NOON).put([of_entries(f"o{number}", 0) for number in range(3)])
    if copied:
        await told.relayed(await told.last())
        await told.relayed(1)
    else:
        await told.relayed(await told.last() + 1)

    await OrderStatusStore(database, now=lambda: NOON + age).put([of_entries("o9", 0)])

    assert len(await rows(database)) == left


async def test_the_outbox_does_not_grow_when_a_version_has_the_whole_story_of_an_order(
    database: Database, told: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "_PRUNE_EVERY", 1)
    story = [event for event in Event if event is not Event.JOIN_ORDERED][:5]
    for first in range(0, 500, 100):
        orders = [of_entries(f"o{number}", 0, *story) for number in range(first, first + 100)]
        await OrderStatusStore(database, now=lambda: NOON).put(orders)
    await told.relayed(await told.last())
    later = NOON + KEEP_RELAYED_FOR + timedelta(minutes=1)

    await OrderStatusStore(database, now=lambda: later).put([of_entries("new", 0)])

    assert len(await rows(database)) == 1


async def test_what_a_log_has_lost_and_the_outbox_keeps_no_longer_is_told_again(
    database: Database, told: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "_PRUNE_EVERY", 1)
    backup = await told.last() + 1
    orders = [of_entries(f"o{number}", 1, Event.ORDER_ACCEPTED) for number in range(3)]
    await OrderStatusStore(database, now=lambda: NOON).put(orders)
    await told.relayed(last := await told.last())
    assert not await told.lacks(backup), "everything after it is kept"
    later = NOON + KEEP_RELAYED_FOR + timedelta(hours=1)

    await OrderStatusStore(database, now=lambda: later).put([of_entries("o9", 0)])

    assert [await told.lacks(after) for after in (0, backup, last)] == [True, True, False]
    assert (await told.tell_untold(NOON + timedelta(seconds=1), None, again=True)).told == 0, "it happened before"
    assert (await told.tell_untold(NOON, None, again=True)).told == 7
    read = [event.event_id for event in (await told.read(backup, 100)).events]
    assert read[1:-1] == [each for order_ in orders for each in ids(order_.order_id, order_.history)]
    assert (await told.tell_untold(UNSET, None)).told == 0
