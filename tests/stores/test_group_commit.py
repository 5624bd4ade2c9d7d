"""Orders that are projected at the same time are stored in one transaction, and each has its own answer."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import cast
from unittest.mock import Mock

import pytest
from sqlalchemy.exc import IntegrityError
from temporalio.testing import ActivityEnvironment

from activities.order_status.group_commit import AT_MOST, GroupCommit
from activities.order_status.projection import OrderStatusActivities
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.orders import Event, HistoryEntry, Order
from harness.waiting import soon
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.databases import Servers
from tests.stores.conftest import Connect
from tests.stores.orders import NOON, changes, listed, order
from tests.stores.using import deaf, warmed_up

TAKEN, CANCELED = HistoryEntry(Event.JOIN_ORDERED, NOON), HistoryEntry(Event.CANCEL_ORDERED, NOON)
Put = Callable[[Sequence[Order]], Awaitable[Sequence[Sequence[HistoryEntry]]]]


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


class Transactions:
    """A store that notes what was stored together, and waits while it is held."""

    def __init__(self, put: Put | None = None) -> None:
        self.began: list[list[str]] = []
        self.passes = asyncio.Event()
        self.passes.set()
        self._put = put

    async def put(self, orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        self.began.append([order.order_id for order in orders])
        await self.passes.wait()
        return await self._put(orders) if self._put else [[TAKEN] for _ in orders]

    async def until_began(self, times: int) -> None:
        async def began() -> bool:
            return len(self.began) >= times

        await soon(began)


def all_of(group: GroupCommit, orders: Sequence[Order]) -> "list[asyncio.Task[Sequence[HistoryEntry]]]":
    return [asyncio.create_task(group.put(order)) for order in orders]


async def test_orders_of_one_moment_take_few_transactions_and_each_is_told_its_own_events(database: Database) -> None:
    store = OrderStatusStore(database)
    transactions = Transactions(store.put)
    group = GroupCommit(transactions.put)
    await store.put([order("o0", history=[TAKEN])])
    orders = [order(f"o{number}", 1, history=[TAKEN, CANCELED][: number % 3]) for number in range(2 * AT_MOST + 50)]

    told = await asyncio.gather(*all_of(group, orders))

    assert list(map(len, transactions.began)) == [AT_MOST, AT_MOST, 50]
    assert told[0] == []
    assert [list(events) for events in told[1:]] == [one.history for one in orders[1:]]
    assert len(await listed(store)) == len(orders)
    assert len(await changes(store)) == len(orders) + 1


async def test_projections_of_one_moment_share_a_transaction_and_count_what_each_has_stored(database: Database) -> None:
    transactions = Transactions(OrderStatusStore(database).put)
    activities = OrderStatusActivities(cast(OrderStatusStore, transactions))
    worker = ActivityEnvironment()
    worker.metric_meter = Mock()
    meter = worker.metric_meter.with_additional_attributes.return_value
    both = order("o2", 1, history=[TAKEN, CANCELED])

    await asyncio.gather(*(worker.run(activities.project_order, one) for one in (order(history=[TAKEN]), both, both)))

    assert len(transactions.began) == 1
    counted = Counter(call.args[1]["event"] for call in meter.create_counter.return_value.add.call_args_list)
    assert counted == {Event.JOIN_ORDERED: 2, Event.CANCEL_ORDERED: 1}
    assert meter.create_histogram_float.return_value.record.call_count == 2


async def test_what_arrives_during_a_transaction_is_stored_together_by_the_next() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.put)
    transactions.passes.clear()
    first = all_of(group, [order("first")])
    await transactions.until_began(1)

    later = all_of(group, [order(f"later-{number}") for number in range(3)])
    await asyncio.sleep(0)
    transactions.passes.set()
    await asyncio.gather(*first, *later)

    assert transactions.began == [["first"], ["later-0", "later-1", "later-2"]]


async def test_versions_of_one_order_and_repeated_tries_may_come_together(database: Database) -> None:
    store = OrderStatusStore(database)
    transactions = Transactions(store.put)
    group = GroupCommit(transactions.put)
    histories = {2: [TAKEN], 3: [TAKEN, CANCELED]}
    versions = [order("o1", version, history=list(histories[version])) for version in (2, 3, 3, 2)]

    told = await asyncio.gather(*all_of(group, [*versions, order("o2", history=[TAKEN])]))

    assert len(transactions.began) == 1
    assert [list(events) for events in told] == [[], [TAKEN, CANCELED], [], [], [TAKEN]]
    assert (await store.get("o1")).order == versions[1]
    assert [change.view.order.version for change in await changes(store)] == [3, 0]
    assert await group.put(versions[0]) == []


async def test_an_order_that_the_store_refuses_fails_alone(database: Database) -> None:
    store = OrderStatusStore(database)
    group = GroupCommit(store.put)
    orders = [order(f"o{number}", product_name=None if number % 4 == 2 else "internet") for number in range(10)]

    told = await asyncio.gather(*all_of(group, orders), return_exceptions=True)

    for number, answer in enumerate(told):
        if number % 4 == 2:
            assert isinstance(answer, IntegrityError)
        else:
            assert answer == orders[number].history
    assert set(await listed(store)) == {one.order_id for one in orders if one.product_name}


async def test_while_the_store_is_away_every_caller_is_told_so_and_nothing_is_lost(
    kind: str, url: str, servers: Servers, connect: Connect
) -> None:
    database = connect(deadline_seconds=2.0)
    store = OrderStatusStore(database)
    transactions = Transactions(store.put)
    group = GroupCommit(transactions.put)
    orders = [order(f"o{number}") for number in range(3)]
    await warmed_up(database)
    with deaf(kind, url, servers):
        told = await asyncio.gather(*all_of(group, orders), return_exceptions=True)
    assert [type(answer) for answer in told] == [StoreUnavailable] * 3
    # Nobody asks a store that does not answer once for each order.
    assert len(transactions.began) == 1

    async def stored_again() -> bool:
        again = await asyncio.gather(*all_of(group, orders), return_exceptions=True)
        return not any(isinstance(answer, StoreUnavailable) for answer in again)

    await soon(stored_again)
    assert set(await listed(OrderStatusStore(connect()))) == {"o0", "o1", "o2"}


async def test_who_gives_up_holds_up_nobody() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.put)
    transactions.passes.clear()
    leading, under_way = all_of(group, [order("leading"), order("under way")])
    await transactions.until_began(1)
    gone, waiting = all_of(group, [order("gone"), order("waiting")])
    await asyncio.sleep(0)

    leading.cancel()
    gone.cancel()
    await asyncio.wait([leading, gone])
    transactions.passes.set()

    assert list(await asyncio.gather(under_way, waiting)) == [[TAKEN], [TAKEN]]
    assert transactions.began == [["leading", "under way"], ["waiting"]]


async def test_nobody_is_answered_before_the_transaction_has_ended() -> None:
    transactions = Transactions()
    group = GroupCommit(transactions.put)
    transactions.passes.clear()
    callers = all_of(group, [order("o1"), order("o2")])
    await transactions.until_began(1)
    await asyncio.sleep(0)
    assert not any(caller.done() for caller in callers)

    transactions.passes.set()
    await asyncio.gather(*callers)


async def test_a_transaction_has_nothing_of_the_caller_that_began_it() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    seen = []

    async def put(orders: Sequence[Order]) -> Sequence[Sequence[HistoryEntry]]:
        seen.append(whose.get())
        return [[] for _ in orders]

    whose.set("mine")
    await GroupCommit(put).put(order("o1"))

    assert seen == ["nobody's"]
