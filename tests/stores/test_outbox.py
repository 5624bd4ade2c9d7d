"""The outbox has each event of each order once, in the order of the commits, from the transaction that stores it."""

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select, update

from domain.common import contexts
from domain.common.errors import MalformedCursor
from domain.common.times import UNSET
from domain.event_delivery.relay import OutboxEvent
from domain.order_events import event_id
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status import outbox, view
from stores.order_status.census import OrderCensus
from stores.order_status.erasure import ErasureStore
from stores.order_status.outbox import KEEP_FOR, KEEP_RELAYED_FOR, OutboxStore
from stores.order_status.rows import as_row
from stores.order_status.tables import FEED_POSITION, ORDER_EVENT, ORDER_STATUS, OUTBOX_POSITION
from stores.order_status.view import OrderStatusStore
from tests.stores.conftest import Connect
from tests.stores.orders import NOON, order
from tests.stores.using import warmed_up
from tests.whole import examples

NAMES = [Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_DECLINED]


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


@pytest.fixture
def told(database: Database) -> OutboxStore:
    return OutboxStore(database)


def of_entries(order_id: str, version: int, *events: str | HistoryEntry, **more: Any) -> Order:
    """Return an order with some events, a minute from one to the next."""
    placed = HistoryEntry(Event.JOIN_ORDERED, NOON, "customer:c1")
    history = [
        each if isinstance(each, HistoryEntry) else HistoryEntry(each, NOON + timedelta(minutes=index))
        for index, each in enumerate(events, 1)
    ]
    return order(order_id, version, history=[placed, *history], **more)


def ids(order_id: str, history: Sequence[HistoryEntry]) -> list[str]:
    return [event_id(order_id, position, entry) for position, entry in enumerate(history)]


async def rows(database: Database) -> Sequence[Any]:
    async with database.reading() as connection:
        return (await connection.execute(select(ORDER_EVENT).order_by(ORDER_EVENT.c.sequence))).all()


async def written(database: Database) -> list[str]:
    return [row.event_id for row in await rows(database)]


async def store_as_before(database: Database, stored: Order) -> None:
    """Do what the release before does: store an order, and tell nothing."""
    row, one = as_row(stored, NOON), ORDER_STATUS.c.order_id == stored.order_id
    async with database.writing() as connection:
        await connection.execute(update(FEED_POSITION).values(sequence=FEED_POSITION.c.sequence + 1))
        known = await connection.scalar(select(func.count()).select_from(ORDER_STATUS).where(one))
        await connection.execute(update(ORDER_STATUS).where(one).values(row) if known else insert(ORDER_STATUS), row)


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


@pytest.mark.multiplied
@pytest.mark.parametrize("seed", range(examples(1, whole=20)))
async def test_every_entry_becomes_one_event(
    database: Database, store: OrderStatusStore, told: OutboxStore, seed: int
) -> None:
    """Histories are cut into versions at random, stored late and twice, set back, and stored by the release before."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    now = {f"o{number}": of_entries(f"o{number}", 0) for number in range(6)}
    expected, by_release_before = set[str](), set[str]()
    for step in range(1, examples(40, whole=100)):
        changed = [changed_at_random(chance, now[order_id], step) for order_id in chance.sample(sorted(now), 3)]
        now |= {each.order_id: each for each in changed}
        match chance.randrange(5):
            case 0:
                for each in changed:
                    await store_as_before(database, each)
                by_release_before |= {each.order_id for each in changed}
            case 1:
                await told.tell_untold(UNSET, None)
                expected |= await stored_ids(database, now)
            case _:
                expected |= await stored_ids(database, {each.order_id for each in changed})
                await store.put([*changed, *(replace(each, version=each.version - 1) for each in changed)])
                await store.put(changed[:1])
                expected |= await stored_ids(database, {each.order_id for each in changed})

    found = await rows(database)
    times = Counter(row.event_id for row in found)
    assert times.keys() == expected
    # A release that tells nothing may have replaced a history. Then all of it is told, and known by its ids.
    assert {row.subject for row in found if times[row.event_id] > 1} <= by_release_before
    sequences = [row.sequence for row in found]
    assert sequences == [*range(sequences[0], sequences[0] + len(sequences))]


def changed_at_random(chance: random.Random, known: Order, step: int) -> Order:
    """Return an order with some more events, or set back, or both."""
    kept = chance.choice([len(known.history)] * 4 + [chance.randrange(1, len(known.history) + 1)])
    more = [
        HistoryEntry(chance.choice(NAMES), NOON + timedelta(seconds=step, milliseconds=number))
        for number in range(chance.randrange(3))
    ]
    return replace(known, version=step, history=[*known.history[:kept], *more])


async def stored_ids(database: Database, order_ids: Collection[str]) -> set[str]:
    """Return the ids of the events of some orders as they are stored."""
    async with database.reading() as connection:
        found = await connection.execute(select(ORDER_STATUS).where(ORDER_STATUS.c.order_id.in_(order_ids)))
        return {each for row in found for each in ids(row.order_id, row.history)}


@contextmanager
def failing_at(number: int) -> Iterator[list[str]]:
    """Let a statement fail that a database receives. It yields the statements before it."""
    received: list[str] = []

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if len(received) == number:
            raise RuntimeError("killed")
        received.append(statement)

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield received
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


async def test_an_outbox_row_is_there_if_and_only_if_its_version_is(
    database: Database, store: OrderStatusStore
) -> None:
    """Whoever stores is stopped before each of its statements in turn, and at last not any more."""
    await store.put([of_entries("o1", 1)])
    newer = [of_entries("o1", 2, Event.ORDER_ACCEPTED), of_entries("o2", 2)]
    stopped = 0
    while True:
        with failing_at(stopped) as received:
            try:
                await store.put(newer)
            except RuntimeError:
                stopped = len(received) + 1
            else:
                break
        assert (await store.get("o1")).order.version == 1
        assert await written(database) == ids("o1", newer[0].history[:1])
    assert stopped >= 6
    assert (await store.get("o1")).order.version == 2
    assert await written(database) == [*ids("o1", newer[0].history), *ids("o2", newer[1].history)]


async def test_no_number_appears_below_one_that_was_seen(connect: Connect) -> None:
    writers = [connect(pool_size=2) for _ in range(4)]
    reader = OutboxStore(connect(pool_size=1))
    for database in writers:
        await warmed_up(database, connections=2)
    first = await reader.last()
    writing = asyncio.gather(*(_write(database, number) for number, database in enumerate(writers * 2)))
    seen: list[str] = []
    position = first
    while not writing.done() or position < await reader.last():
        read = await reader.read(position, 7)
        seen += [each.event_id for each in read.events]
        position = read.up_to
        await asyncio.sleep(0)
    await writing

    assert seen == await written(writers[0])
    assert len(seen) == len(set(seen)) == 8 * 10 * 3


async def _write(database: Database, number: int) -> None:
    store = OrderStatusStore(database, now=lambda: NOON)
    for version in range(10):
        await store.put([of_entries(f"{number}-{version}", 0), of_entries(f"{number}-{version}-2", 0)])
        await store.put([of_entries(f"{number}-{version}", 1, Event.ORDER_ACCEPTED)])


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


async def test_a_restored_outbox_numbers_anew_beyond_every_number_that_was_given(
    database: Database, store: OrderStatusStore, told: OutboxStore
) -> None:
    await store.put([of_entries(f"o{number}", 0) for number in range(3)])
    [copied, *before], far = await rows(database), int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)

    await told.relayed(copied.sequence)

    last = await told.renumber(beyond=far)

    [first, *again] = await rows(database)
    assert first == copied
    assert [row.event_id for row in again] == [row.event_id for row in before]
    assert [row.sequence for row in again] == [far + 1, far + 2]
    assert last == await told.last() == far + 2
    await store.put([of_entries("o9", 0)])
    assert (await rows(database))[-1].sequence == far + 3
    assert await told.renumber() == far + 6
    async with database.writing() as connection:
        await connection.execute(ORDER_EVENT.delete())
        await connection.execute(update(OUTBOX_POSITION).values(sequence=7))
    assert await told.renumber() > NOON.timestamp() * 1000


async def test_a_view_that_is_made_anew_tells_the_same_events_and_keeps_what_was_not_read(
    url: str, database: Database, store: OrderStatusStore, told: OutboxStore
) -> None:
    orders = [of_entries("o1", 1, Event.ORDER_ACCEPTED), of_entries("forgotten by Temporal", 1)]
    await store.put(orders)
    before, last = await written(database), await told.last()

    await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)
    assert (await written(database), await told.last()) == (before, last)
    await store.put([orders[0]])

    assert await written(database) == before + ids("o1", orders[0].history)
    assert (await told.read(last, 10)).up_to == last + 2
