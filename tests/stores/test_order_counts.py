"""The counts of the orders are what counting all of them gives, whoever stores, erases or forgets them."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine, delete, event, insert, select, update
from structlog.testing import capture_logs

from activities.order_status import reconciliation
from activities.order_status.reconciliation import ReconciliationActivities
from domain.common import contexts
from domain.order_status.view import Need, Summary
from domain.orders import Attention, AttentionReason, Order, OrderStatus
from stores.common.database import Database
from stores.migration import drop, migrate
from stores.order_status.census import OrderCensus
from stores.order_status.counts import Cell, CountStore, complete
from stores.order_status.erasure import ErasureStore
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.rows import as_row
from stores.order_status.tables import FEED_POSITION, ORDER_COUNT, ORDER_STATUS
from stores.order_status.view import OrderStatusStore
from tests.databases import SQLITE, Servers
from tests.eventually import soon
from tests.stores.conftest import Connect
from tests.stores.orders import NOON, order
from tests.stores.using import deaf, warmed_up
from tests.whole import examples

LATER = NOON + timedelta(hours=1)
REGIONS = ["KR-11", "KR-26"]


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


async def counted(database: Database) -> dict[Cell, int]:
    async with database.reading() as connection:
        rows = (await connection.execute(select(ORDER_COUNT))).all()
    return {Cell(*key): orders for *key, orders in rows if orders}


async def stored(database: Database) -> dict[Cell, int]:
    async with database.reading() as connection:
        return Counter(map(Cell.of_row, await connection.execute(select(ORDER_STATUS))))


async def is_complete(database: Database) -> bool:
    async with database.reading() as connection:
        return await complete(connection)


async def expected(database: Database, regions: Sequence[str] = ()) -> Summary:
    """Return the summary as Python makes it from all rows."""
    async with database.reading() as connection:
        rows = [row for row in await connection.execute(select(ORDER_STATUS)) if not regions or row.region in regions]
    summary = Summary(total=len(rows), by_status=dict(Counter(row.status for row in rows)))
    for region in {row.region for row in rows if row.region}:
        summary.by_region[region] = dict(Counter(row.status for row in rows if row.region == region))
    needing = [row for row in rows if row.attention_reason]
    summary.attention = len(needing)
    for reason in {row.attention_reason for row in needing}:
        needs = [row for row in needing if row.attention_reason == reason]
        since = [row.attention_since for row in needs if row.acknowledged_at is None]
        summary.attention_by_reason[reason] = Need(len(needs), min(since, default=None))
    for status in {OrderStatus(row.status) for row in rows if not OrderStatus(row.status).final}:
        changed = [
            datetime.fromtimestamp(row.version / 1000, UTC) if row.version else row.updated_at
            for row in rows
            if row.status == status
        ]
        summary.oldest_by_status[status] = min(changed)
    return summary


async def summary_is_right(database: Database) -> None:
    view = OrderStatusStore(database)
    for regions in ([], REGIONS[:1], REGIONS):
        assert await view.summary(regions) == await expected(database, regions)
    census = await OrderCensus(database).take()
    assert sum(census.by_status.values()) == sum((await stored(database)).values())
    async with database.reading() as connection:
        assert min(await connection.scalars(select(ORDER_COUNT.c.orders)), default=0) >= 0


def some_order(chance: random.Random, step: int) -> Order:
    """Return an order in any state, in a version of this step or an earlier one: also a late, repeated or reset one."""
    reason = chance.choice(
        [None, None, AttentionReason.NO_ENGINEER, AttentionReason.WORKFLOW_LOST, "OF_A_NEWER_RELEASE"]
    )
    acknowledged = chance.choice([None, NOON])
    return order(
        f"o{chance.randrange(12)}",
        chance.choice([0, chance.randrange(step + 1), step, step]),
        customer_id=f"c{chance.randrange(3)}",
        status=chance.choice([*OrderStatus, OrderStatus("OF_A_NEWER_RELEASE")]),
        region=chance.choice([None, *REGIONS]),
        attention=Attention(reason, NOON, acknowledged_at=acknowledged) if reason else None,
    )


async def something(chance: random.Random, database: Database, step: int) -> None:
    """Do what this release does with orders."""
    view, reconciliation = OrderStatusStore(database, now=lambda: NOON), ReconciliationStore(database)
    match chance.randrange(6):
        case 0:
            await reconciliation.forget([f"o{number}" for number in chance.sample(range(12), 3)], LATER)
        case 1:
            erasure = ErasureStore(database)
            await erasure.erase((await erasure.orders_of(f"c{chance.randrange(3)}")).order_ids)
        case _:
            await view.put([some_order(chance, step) for _ in range(chance.randrange(1, 6))])


async def store_as_before(database: Database, orders: Sequence[Order]) -> None:
    """Do what the release before does: raise the sequence, store rows, and count nothing."""
    rows = {order.order_id: as_row(order, NOON) for order in orders}
    async with database.writing() as connection:
        await connection.execute(update(FEED_POSITION).values(sequence=FEED_POSITION.c.sequence + len(orders)))
        for order_id, row in rows.items():
            one = ORDER_STATUS.c.order_id == order_id
            known = (await connection.execute(select(ORDER_STATUS.c.version).where(one))).one_or_none()
            if known is None:
                await connection.execute(insert(ORDER_STATUS), row)
            elif row["version"] > known.version:
                await connection.execute(update(ORDER_STATUS).where(one).values(row))


async def forget_as_before(database: Database, order_ids: Sequence[str]) -> None:
    """Do what the release before does in a pass: delete rows, count nothing, and leave the sequence as it is."""
    async with database.writing() as connection:
        await connection.execute(delete(ORDER_STATUS).where(ORDER_STATUS.c.order_id.in_(order_ids)))


@pytest.mark.multiplied
@pytest.mark.parametrize("seed", range(examples(1, whole=20)))
async def test_the_counts_are_what_a_count_of_all_orders_gives(database: Database, url: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    for step in range(25):
        await something(chance, database, step)
        assert await counted(database) == await stored(database)
        assert await is_complete(database)
    await summary_is_right(database)
    assert await CountStore(database).recount() == 0

    await drop(contexts.ORDER_STATUS, url)
    await migrate(contexts.ORDER_STATUS, url)
    for step in range(5):
        await something(chance, database, step)
    assert await counted(database) == await stored(database)
    await summary_is_right(database)


@pytest.mark.multiplied
@pytest.mark.parametrize("seed", range(examples(1, whole=20)))
async def test_the_summary_is_right_at_every_step_while_the_release_before_runs(database: Database, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    counts, uncounted = CountStore(database), 0
    for step in range(40):
        match chance.randrange(8):
            case 0:
                await counts.recount()
                assert await is_complete(database)
            case 1:
                # The pass that has deleted them, or the next one, counts again.
                await forget_as_before(database, [f"o{chance.randrange(12)}"])
                await counts.recount()
            case 2 | 3:
                await store_as_before(database, [some_order(chance, step) for _ in range(chance.randrange(1, 4))])
                assert not await is_complete(database)
            case _:
                await something(chance, database, step)
        uncounted += await counted(database) != await stored(database)
        await summary_is_right(database)
    assert uncounted

    await counts.recount()
    assert await counted(database) == await stored(database)
    for step in range(40, 45):
        await something(chance, database, step)
    assert await is_complete(database)
    assert await counted(database) == await stored(database)


async def test_a_pass_says_how_many_orders_were_counted_wrongly(database: Database) -> None:
    """Those that the release before has deleted; not those that it has stored, which the summary shows at once."""
    counts = CountStore(database)
    await OrderStatusStore(database).put([order(f"o{number}") for number in range(5)])
    await forget_as_before(database, ["o1", "o2"])

    assert [await counts.recount(), await counts.recount()] == [2, 0]
    await summary_is_right(database)

    await store_as_before(database, [order("o6")])
    assert await counts.recount() == 0
    assert await counted(database) == await stored(database)


async def test_orders_that_are_counted_again_are_stored_meanwhile(connect: Connect) -> None:
    databases = [connect(pool_size=4) for _ in range(2)]
    chance = random.Random(1)  # noqa: S311 - nothing secret
    await store_as_before(databases[0], [order("not-counted")])
    for database in databases:
        await warmed_up(database, connections=4)
    counting = [CountStore(database).recount() for database in databases * 4]
    views = [OrderStatusStore(database, now=lambda: NOON) for database in databases]
    storing = [views[number % 2].put([some_order(chance, number) for _ in range(3)]) for number in range(20)]
    before = [store_as_before(databases[number % 2], [order(f"before-{number}")]) for number in range(3)]

    await asyncio.gather(*counting, *storing, *before)

    await summary_is_right(databases[0])
    await CountStore(databases[0]).recount()
    assert await is_complete(databases[0])
    assert await counted(databases[0]) == await stored(databases[0])


async def test_a_worker_counts_at_its_start_as_soon_as_the_database_answers(
    kind: str, url: str, servers: Servers, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "_AFTER_A_FAILURE", 0.01)
    database, hasty, stop, stopped = connect(), connect(deadline_seconds=0.5), asyncio.Event(), asyncio.Event()
    await warmed_up(hasty)
    await store_as_before(database, [order("not-counted")])
    activities = ReconciliationActivities(hasty, Mock(), CollectorRegistry(), every=0)
    stopped.set()
    await activities.count_at_start(stopped)
    with deaf(kind, url, servers), capture_logs() as logged:
        starting = asyncio.create_task(activities.count_at_start(stop))
        await soon(lambda: asyncio.sleep(0, logged), what="the worker says that it cannot count")
    await starting

    assert await is_complete(database)
    await summary_is_right(database)


@pytest.mark.parametrize("kind", [SQLITE])
async def test_the_summary_and_the_gauges_read_no_more_with_many_orders(database: Database) -> None:
    """The steps of the database's own machine are counted, with one order in each count and with forty."""
    view = OrderStatusStore(database, now=lambda: NOON)
    statuses = [OrderStatus.JOIN_ORDERED, OrderStatus.INSTALLATION_ACCEPTED, OrderStatus.JOIN_COMPLETED]
    kinds = [(region, status, need) for region in (None, "KR-11") for status in statuses for need in (False, True)]

    async def store(first: int, last: int) -> None:
        orders = [
            order(
                f"{region}-{status}-{need}-{number}",
                number % 2 * 1000 + number,
                region=region,
                status=status,
                attention=Attention(AttentionReason.NO_ENGINEER, NOON) if need else None,
            )
            for region, status, need in kinds
            for number in range(first, last)
        ]
        await view.put(orders)

    async def read() -> list[int]:
        with executed() as statements:
            await view.summary()
            await view.summary(["KR-11"])
            await OrderCensus(database).take()
        return [steps(str(database.url.database), *statement) for statement in statements]

    await store(0, 2)
    few = await read()
    await store(2, 40)
    many = await read()

    assert len(many) == len(few) >= 6
    assert all(after <= 1.5 * before for before, after in zip(few, many, strict=True)), (few, many)


@contextmanager
def executed() -> Iterator[list[tuple[str, Sequence[Any]]]]:
    """Collect the statements that databases receive, with their parameters."""
    found: list[tuple[str, Sequence[Any]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Sequence[Any], *_: Any) -> None:
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def steps(path: str, statement: str, parameters: Sequence[Any]) -> int:
    """Return how many instructions SQLite carries out for a statement."""
    carried_out = 0

    def count() -> int:
        nonlocal carried_out
        carried_out += 1
        return 0

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(count, 1)
        connection.execute(statement, parameters).fetchall()
    return carried_out
