"""The statistics count each event once, whatever becomes of the order's row."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from domain.common import contexts
from domain.order_status.statistics import COUNTED_WITHIN, DayCounts, DayStatistics
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from domain.visits import VisitGrid
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status.erasure import ErasureStore
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.tables import COUNTED_ORDER, ORDER_STATUS, STATISTICS_BEGIN
from stores.order_status.view import OrderStatusStore
from tests.stores.conftest import Connect
from tests.stores.orders import NOON, order

DAY = date(2026, 7, 15)
EVER = date(2020, 1, 1), date(2030, 1, 1)
BUSAN, SEOUL = "KR-26", "KR-11"


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
async def store(database: Database) -> OrderStatusStore:
    await begin(database, NOON - timedelta(days=400))
    return OrderStatusStore(database, now=lambda: NOON)


async def begin(database: Database, at: datetime) -> None:
    """Let the statistics have begun at a time."""
    async with database.writing() as connection:
        await connection.execute(update(STATISTICS_BEGIN).values(at=at))


def told(*events: str | tuple[str, timedelta] | HistoryEntry, placed: datetime = NOON) -> list[HistoryEntry]:
    """Return a history: the order, then an event in each second, or so long after the order."""
    found = [HistoryEntry(Event.JOIN_ORDERED, placed)]
    for number, each in enumerate(events, 1):
        name, after = each if isinstance(each, tuple) else (each, timedelta(seconds=number))
        found.append(name if isinstance(name, HistoryEntry) else HistoryEntry(name, placed + after))
    return found


def at_version(version: int, *events: str | tuple[str, timedelta] | HistoryEntry, of: str = "o1", **more: str) -> Order:
    return order(of, version, history=told(*events), **more)


async def counted(store: OrderStatusStore, *regions: str) -> Sequence[DayStatistics]:
    return await store.statistics(*EVER, regions)


async def total(store: OrderStatusStore) -> DayCounts:
    """Return the sum of all days and regions."""
    found = DayCounts()
    for each in await counted(store):
        found.merge(each.counts)
    return found


ONCE = DayCounts(ordered=1, declined=1, completed=1, hours=Counter({1: 1}))
WHOLE = (Event.ORDER_ACCEPTED, Event.INSTALLATION_DECLINED, Event.INSTALLATION_ACCEPTED, Event.JOIN_COMPLETED)


async def test_every_kind_of_event_counts_on_its_day_in_the_region_of_the_order_when_it_is_stored(
    store: OrderStatusStore,
) -> None:
    absent = HistoryEntry(Event.INSTALLATION_INCOMPLETE, NOON + timedelta(hours=30), detail="CUSTOMER_ABSENT")
    first = (Event.INSTALLATION_DECLINED, Event.INSTALLATION_UNANSWERED)
    await store.put([order("o1"), order("o2", region=BUSAN)])
    await store.put([at_version(1, *first, region=SEOUL)])
    later = (absent, ("JoinCompleted", timedelta(hours=40)))
    await store.put([at_version(2, *first, *later, region=BUSAN)])
    await store.put([at_version(1, Event.CANCEL_ORDERED, Event.ORDER_CANCELED, of="o2", region=BUSAN)])

    assert await counted(store) == [
        DayStatistics(DAY, None, DayCounts(ordered=1)),
        DayStatistics(DAY, SEOUL, DayCounts(declined=1, unanswered=1)),
        DayStatistics(DAY, BUSAN, DayCounts(ordered=1, canceled=1)),
        DayStatistics(
            date(2026, 7, 17),
            BUSAN,
            DayCounts(completed=1, incomplete_by_reason=Counter(CUSTOMER_ABSENT=1), hours=Counter({64: 1})),
        ),
    ]
    assert [each.region for each in await counted(store, SEOUL)] == [SEOUL]
    assert await store.statistics(date(2026, 7, 16), date(2026, 7, 16)) == []
    assert len(await store.statistics(date(2026, 7, 16), date(2026, 7, 17))) == 1
    assert len(await store.statistics(DAY, DAY, [SEOUL, BUSAN])) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_versions_that_are_repeated_merged_and_reordered_count_once(store: OrderStatusStore, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    versions = [at_version(number, *WHOLE[:number]) for number in range(len(WHOLE) + 1)]
    sent = [*versions, *chance.sample(versions, 3)]
    chance.shuffle(sent)
    while sent:
        batch = [sent.pop() for _ in range(chance.randint(1, len(sent)))]
        await store.put([order(f"other-{len(sent)}", history=[HistoryEntry("Other", NOON)]), *batch])

    assert await total(store) == ONCE


async def test_processes_that_count_at_the_same_time_lose_and_repeat_nothing(connect: Connect) -> None:
    stores = [OrderStatusStore(connect(pool_size=3), now=lambda: NOON) for _ in range(3)]
    await begin(connect(), NOON)
    puts = [
        stores[number % 3].put([at_version(number % 5, *WHOLE[: number % 5], of=f"o{number % 4}")])
        for number in range(40)
    ]
    await asyncio.gather(*puts)

    found = await total(stores[0])
    assert (found.ordered, found.completed, found.declined) == (4, 4, 4)


async def test_what_is_not_stored_is_not_counted(store: OrderStatusStore) -> None:
    with pytest.raises(IntegrityError):
        await store.put([order("o1"), order("o2", product_name=None)])

    assert await counted(store) == []


async def test_they_outlive_the_order_and_its_erasure_and_the_whole_view(
    store: OrderStatusStore, database: Database, url: str
) -> None:
    whole = at_version(4, *WHOLE, status=OrderStatus.JOIN_COMPLETED)
    await store.put([whole])
    await ErasureStore(database).erase(["o1"])
    assert await total(store) == ONCE

    reconciliation = ReconciliationStore(database)
    assert await reconciliation.forget(["o1"], datetime.now(UTC) + timedelta(days=1)) == 1
    assert await total(store) == ONCE

    await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)
    assert (await store.summary()).total == 0
    assert await total(store) == ONCE
    # A late projection comes before the rebuild, and the order goes on.
    await store.put([at_version(2, *WHOLE[:2])])
    await store.put([whole])
    await store.put([at_version(5, *WHOLE, "Other", Event.INSTALLATION_DECLINED)])
    assert await total(store) == replace(ONCE, declined=2)


async def test_what_a_reset_replaces_stays_and_what_comes_after_it_counts(store: OrderStatusStore) -> None:
    await store.put([at_version(4, *WHOLE)])
    reset = *WHOLE[:1], ("InstallationUnanswered", timedelta(hours=1))
    await store.put([at_version(5, *reset[:1])])
    await store.put([at_version(6, *reset)])
    await store.put([at_version(7, *reset, ("OrderCanceled", timedelta(hours=2)))])

    assert await total(store) == replace(ONCE, unanswered=1, canceled=1)


async def test_the_day_is_that_of_the_visit_time_zone(database: Database) -> None:
    await begin(database, NOON - timedelta(days=2))
    for zone, side in (("Pacific/Auckland", "east"), ("Pacific/Honolulu", "west")):
        store = OrderStatusStore(database, VisitGrid(zone=ZoneInfo(zone)), now=lambda: NOON)
        for hour in (9, 12):
            history = told(placed=NOON.replace(hour=hour))
            await store.put([order(f"{side}-{hour}", history=history, region=side)])

    days = [(each.day.day, each.region, each.counts.ordered) for each in await counted(store)]
    assert days == [(14, "west", 1), (15, "east", 1), (15, "west", 1), (16, "east", 1)]


async def test_what_the_release_before_stores_counts_with_the_next_version(
    store: OrderStatusStore, database: Database
) -> None:
    await store.put([order("o1")])
    async with database.writing() as connection:
        await connection.execute(update(ORDER_STATUS).values(version=2, history=told(*WHOLE[:2])))

    await store.put([at_version(4, *WHOLE)])

    assert await total(store) == ONCE


async def test_what_happened_before_they_began_does_not_count(store: OrderStatusStore, database: Database) -> None:
    await begin(database, NOON + timedelta(seconds=3))

    await store.put([at_version(4, *WHOLE)])

    assert await total(store) == replace(ONCE, ordered=0, declined=0)


async def test_making_the_tables_again_does_not_begin_anew(
    database: Database, url: str, store: OrderStatusStore
) -> None:
    began = select(STATISTICS_BEGIN.c.at)
    async with database.reading() as connection:
        before = (await connection.execute(began)).scalars().all()
    await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)
    async with database.reading() as connection:
        assert (await connection.execute(began)).scalars().all() == before


async def test_how_far_an_order_was_counted_is_forgotten_when_nothing_of_it_could_count_again(
    database: Database,
) -> None:
    now = [NOON]
    await begin(database, NOON)
    store = OrderStatusStore(database, now=lambda: now[0])
    whole = at_version(4, *WHOLE)
    await store.put([whole])
    now[0] = NOON + COUNTED_WITHIN + timedelta(days=2)
    at = now[0]
    for first in range(0, 1000, 250):
        await store.put([order(f"later-{number}", history=told(placed=at)) for number in range(first, first + 250)])
    async with database.writing() as connection:
        remembered = (await connection.execute(select(func.count()).select_from(COUNTED_ORDER))).scalar_one()
        await connection.execute(delete(ORDER_STATUS).where(ORDER_STATUS.c.order_id == "o1"))
    assert remembered == 1000

    await store.put([replace(whole, version=5)])
    assert await total(store) == replace(ONCE, ordered=1001)
    # Something new of an old order counts.
    ended = HistoryEntry(Event.ORDER_CANCELED, at)
    await store.put([replace(whole, version=6, history=[*whole.history, ended])])
    assert await total(store) == replace(ONCE, ordered=1001, canceled=1)


async def test_the_counts_of_a_span_are_read_by_day_alone(database: Database, store: OrderStatusStore) -> None:
    """However many orders there are, a day and a region have one row."""
    for number in range(30):
        await store.put([order(f"o{number}", region=SEOUL), order(f"p{number}", region=BUSAN)])
    async with database.writing() as connection:
        await connection.execute(delete(ORDER_STATUS))
        await connection.execute(insert(COUNTED_ORDER), [{"order_id": "x", "entries": 1, "until": NOON}])

    assert [(each.region, each.counts.ordered) for each in await counted(store)] == [(SEOUL, 30), (BUSAN, 30)]
