"""Numbers of the outbox rise in the order of the commits, and none is ever used again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common import contexts
from domain.orders import Event, Order
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status import outbox
from stores.order_status.outbox import OutboxStore
from stores.order_status.tables import ORDER_EVENT, OUTBOX_POSITION
from stores.order_status.view import OrderStatusStore
from tests.databases import SQLITE, kinds
from tests.stores.conftest import Connect
from tests.stores.orders import NOON
from tests.stores.telling import ids, of_entries, rows, written
from tests.stores.using import warmed_up

SERVERS = [kind for kind in kinds() if kind != SQLITE]
AUTO_INCREMENT = Table("planted_number", MetaData(), Column("number", Integer, primary_key=True, autoincrement=True))
"""Numbers as an auto-increment key has them: nobody waits for another's transaction to get one."""


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


@pytest.fixture
def told(database: Database) -> OutboxStore:
    return OutboxStore(database)


class Reader:
    """Reads the outbox as the relay does: it goes on after the last number that it has reached."""

    def __init__(self, told: OutboxStore, position: int) -> None:
        self._told = told
        self._position = position
        self.seen: list[str] = []

    async def read(self) -> bool:
        """Read on. Return whether there may be more."""
        read = await self._told.read(self._position, 7)
        self.seen += [each.event_id for each in read.events]
        self._position = read.up_to
        return read.up_to < read.last

    async def check(self, database: Database) -> None:
        """Read the rest, and assert that each event was read, once, in the order of the numbers."""
        while await self.read():
            pass
        assert self.seen == await written(database)


async def test_no_number_appears_below_one_that_was_seen(connect: Connect) -> None:
    writers = [connect(pool_size=2) for _ in range(4)]
    told = OutboxStore(connect(pool_size=1))
    for database in writers:
        await warmed_up(database, connections=2)
    reader = Reader(told, await told.last())
    writing = asyncio.gather(*(_write(database, number) for number, database in enumerate(writers * 2)))
    while not writing.done():
        await reader.read()
        await asyncio.sleep(0)
    await writing

    await reader.check(writers[0])
    assert len(reader.seen) == len(set(reader.seen)) == 8 * 10 * 3


async def _write(database: Database, number: int) -> None:
    store = OrderStatusStore(database, now=lambda: NOON)
    for version in range(10):
        await store.put([of_entries(f"{number}-{version}", 0), of_entries(f"{number}-{version}-2", 0)])
        await store.put([of_entries(f"{number}-{version}", 1, Event.ORDER_ACCEPTED)])


@pytest.mark.parametrize("kind", SERVERS)
async def test_that_check_notices_numbers_that_do_not_rise_as_transactions_are_committed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite is left out: there, two transactions that write are never open at the same time."""
    monkeypatch.setattr(outbox, "_LAST", select(func.coalesce(func.max(ORDER_EVENT.c.sequence), 0)))
    one, other = connect(), connect()
    reader = Reader(OutboxStore(connect()), 0)
    early, late = of_entries("early", 0), of_entries("late", 0)
    async with auto_increment(one), one.writing() as slow:
        await _tell_without_a_lock(slow, early)
        async with other.writing() as fast:
            await _tell_without_a_lock(fast, late)
        await reader.read()
        assert reader.seen == ids("late", late.history)

    with pytest.raises(AssertionError):
        await reader.check(one)
    assert await written(one) == [*ids("early", early.history), *ids("late", late.history)]


@asynccontextmanager
async def auto_increment(database: Database) -> AsyncIterator[None]:
    async with database.writing() as connection:
        await connection.run_sync(AUTO_INCREMENT.create)
    try:
        yield
    finally:
        async with database.writing() as connection:
            await connection.run_sync(AUTO_INCREMENT.drop)


async def _tell_without_a_lock(connection: AsyncConnection, order: Order) -> None:
    """Tell an order as a writer would do that lets the database number its events."""
    for each in outbox.news_of(order, None).events:
        key = (await connection.execute(insert(AUTO_INCREMENT))).inserted_primary_key
        assert key is not None
        await connection.execute(insert(ORDER_EVENT), vars(each) | {"sequence": key[0], "written_at": NOON})


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
