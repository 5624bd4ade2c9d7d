"""Each event of each order is in the outbox once, whatever was stored when, by whom, and who was stopped where."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

import pytest
from sqlalchemy import select

from domain.common import contexts
from domain.common.times import UNSET
from domain.orders import Event, HistoryEntry, Order, OrderStatus
from stores.common.database import Database
from stores.order_status.erasure import ErasureStore
from stores.order_status.outbox import OutboxStore
from stores.order_status.tables import ORDER_STATUS
from stores.order_status.view import OrderStatusStore
from tests.stores.conftest import Connect
from tests.stores.orders import NOON
from tests.stores.statements import COMMIT, stopped_before_each_statement
from tests.stores.telling import ids, of_entries, rows, store_as_before, written
from tests.stores.using import warmed_up
from tests.whole import examples

NAMES = [Event.ORDER_ACCEPTED, Event.INSTALLATION_REQUESTED, Event.INSTALLATION_DECLINED]
ORDERS = [f"o{number}" for number in range(6)]
OF_THIS_RELEASE = ORDERS[:2]
"""Orders that the release before never stores."""


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def store(database: Database) -> OrderStatusStore:
    return OrderStatusStore(database, now=lambda: NOON)


@pytest.fixture
def told(database: Database) -> OutboxStore:
    return OutboxStore(database)


@pytest.mark.multiplied
@pytest.mark.parametrize("seed", range(examples(3, whole=20)))
async def test_every_entry_becomes_one_event(
    database: Database, store: OrderStatusStore, told: OutboxStore, seed: int
) -> None:
    """Histories are cut into versions at random, stored late and twice, set back, and stored by the release before."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    now = {order_id: of_entries(order_id, 0) for order_id in ORDERS}
    past = [*now.values()]
    expected, replaced = set[str](), Counter[str]()
    for step in range(1, examples(16, whole=100)):
        changed = [changed_at_random(chance, now[order_id], step) for order_id in chance.sample(ORDERS, 3)]
        now |= {each.order_id: each for each in changed}
        match chance.randrange(5):
            case 0:
                for each in changed:
                    if each.order_id not in OF_THIS_RELEASE:
                        before = (await stored(database))[each.order_id].ids
                        replaced[each.order_id] += ids(each.order_id, each.history)[: len(before)] != [*before]
                        await store_as_before(database, each)
            case 1:
                expected |= await all_stored(database)
                await told.tell_untold(UNSET, None)
            case _:
                # Of what is in one call, the newest is stored. In another one, old versions come late.
                for call in ([*changed, *some(chance, past)], some(chance, past), [*some(chance, past), changed[0]]):
                    # Everything of an order is told with its next version, also what the release before has stored.
                    before_it = await stored(database)
                    newer = {each.order_id for each in call if each.version > before_it[each.order_id].version}
                    await store.put(chance.sample(call, len(call)))
                    after_it = await stored(database)
                    expected.update(*(of[each].ids for of in (before_it, after_it) for each in newer))
        past += changed
    expected |= await all_stored(database)
    await told.tell_untold(UNSET, None)

    found = await rows(database)
    times = Counter(row.event_id for row in found)
    assert times.keys() == expected
    # The release before tells nothing. If it has replaced a history, all of it is told again, and known by its ids.
    assert [row for row in found if times[row.event_id] > 1 + replaced[row.subject]] == []
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


def some(chance: random.Random, past: list[Order]) -> list[Order]:
    """Return some versions as they once were."""
    return chance.sample(past, min(len(past), 4))


class Stored(NamedTuple):
    """An order as it is stored."""

    version: int = -1
    ids: Sequence[str] = ()
    """The ids of its events."""


async def stored(database: Database) -> defaultdict[str, Stored]:
    """Return each order as it is stored."""
    async with database.reading() as connection:
        of = ORDER_STATUS.c
        found = await connection.execute(select(of.order_id, of.version, of.history))
        rows = {row.order_id: Stored(row.version, ids(row.order_id, row.history)) for row in found}
        return defaultdict(Stored, rows)


async def all_stored(database: Database) -> set[str]:
    return {each for order in (await stored(database)).values() for each in order.ids}


async def test_an_outbox_row_is_there_if_and_only_if_its_version_is(
    database: Database, store: OrderStatusStore, context: str
) -> None:
    await store.put([of_entries("o1", 1)])
    newer = [of_entries("o1", 2, Event.ORDER_ACCEPTED), of_entries("o2", 2)]

    done = await stopped_before_each_statement(database, context, lambda: store.put(newer))

    assert len(done) >= 7
    assert done[-1] == COMMIT
    assert (await store.get("o1")).order.version == 2
    assert await written(database) == [each for one in newer for each in ids(one.order_id, one.history)]


async def test_whoever_is_stopped_while_telling_has_told_nothing_and_then_each_event_once(
    database: Database, store: OrderStatusStore, told: OutboxStore, context: str
) -> None:
    await store.put([of_entries("o1", 1)])
    newer = [of_entries("o1", 2, Event.ORDER_ACCEPTED), of_entries("o2", 2, Event.ORDER_ACCEPTED)]
    for each in newer:
        await store_as_before(database, each)

    done = await stopped_before_each_statement(database, context, lambda: told.tell_untold(UNSET, None))

    assert (len(done) >= 7, done[-1]) == (True, COMMIT)
    # It does not hear that this was committed, and does it again.
    assert (await told.tell_untold(UNSET, None)).told == 0
    assert await written(database) == [each for one in newer for each in ids(one.order_id, one.history)]


async def test_whoever_is_stopped_while_erasing_has_told_nothing_and_then_each_event_once(
    database: Database, store: OrderStatusStore, context: str
) -> None:
    erasure = ErasureStore(database)
    await store.put([of_entries("o1", 1), of_entries("o2", 1)])
    ended = of_entries("o1", 2, Event.CANCEL_ORDERED, Event.ORDER_CANCELED, status=OrderStatus.ORDER_CANCELED)
    await store_as_before(database, ended)

    done = await stopped_before_each_statement(database, context, lambda: erasure.erase(["o1", "o2"]))

    assert (len(done) >= 8, done[-1]) == (True, COMMIT)
    await erasure.erase(["o1", "o2"])
    orders, found = await stored(database), await rows(database)
    assert sorted(row.event_id for row in found) == sorted([*orders["o1"].ids, *orders["o2"].ids])
    assert [row.event for row in found if row.subject == "o1"] == [
        "JoinOrdered",
        "CancelOrdered",
        "OrderCanceled",
        "PersonalDataErased",
    ]
    assert [row.event for row in found if row.subject == "o2"] == ["JoinOrdered", "PersonalDataErased"]


async def test_two_stores_that_end_one_order_at_once_tell_its_end_once(connect: Connect) -> None:
    """Whichever is first: then the other has an older version, or a newer one with another time of the same end."""
    databases = [connect() for _ in range(2)]
    for database in databases:
        await warmed_up(database)
    stores = [OrderStatusStore(database, now=lambda: NOON) for database in databases]
    orders = [of_entries(f"o{number}", 1, Event.ORDER_ACCEPTED) for number in range(6)]
    await stores[0].put(orders)

    for number, order in enumerate(orders):
        ends = [ended(order, minutes) for minutes in (10, 11)]
        in_turns = ends if number % 2 else ends[::-1]
        await asyncio.gather(*(store.put([end]) for store, end in zip(stores, in_turns, strict=True)))
    last = of_entries("last", 1, Event.ORDER_ACCEPTED)
    for store, version in zip(stores * 2, (last, *(ended(last, minutes) for minutes in (10, 11, 12))), strict=False):
        await store.put([version])

    names = ["JoinOrdered", "OrderAccepted", "CancelOrdered", "OrderCanceled"]
    found = await rows(databases[0])
    for order in [*orders, last]:
        assert [row.event for row in found if row.subject == order.order_id] == names
    assert (await OutboxStore(databases[0]).tell_untold(UNSET, None)).told == 0


def ended(order: Order, minutes: int) -> Order:
    """Return the order as a reconciliation ends it at a time."""
    end = deepcopy(order)
    end.record(Event.CANCEL_ORDERED, at=NOON + timedelta(minutes=minutes))
    end.record(Event.ORDER_CANCELED, at=NOON + timedelta(minutes=minutes))
    return end
