"""Deliveries of one process read new events together, and miss none of those that they would read from the log."""

import json
from dataclasses import replace
from random import Random
from time import monotonic
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import delete, update

from activities.event_delivery import watch as watches
from activities.event_delivery.watch import Watch
from domain.common.errors import StoreUnavailable
from domain.event_delivery.log import FOR_EVERYBODY, EventsGone
from domain.event_delivery.subscriptions import EventSubscription
from stores.common.database import Database
from stores.event_delivery.deliveries import DeliveryStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.tables import EVENT, EVENT_POSITION
from tests.event_delivery.delivering import Delivering, recipient, running

KINDS = ("JoinOrdered", "JoinCompleted", FOR_EVERYBODY.partition(".")[2])
REGIONS = ("KR-11", "KR-26", None)
SELECTED: tuple[dict[str, Any], ...] = (
    {},
    {"types": ["orders.JoinCompleted"]},
    {"types": ["orders.*"], "regions": ["KR-11"]},
    {"types": ["afterService.*"]},
    {"types": ["Orders.*"]},
    {"regions": ["KR-11", "KR-26"]},
    {"types": ["orders.JoinOrdered", "orders.JoinCompleted"], "regions": ["KR-26"]},
)


class CountingStore(DeliveryStore):
    """Counts how often the log is read for one subscription."""

    reads = 0

    async def read(self, *args: Any) -> Any:
        self.reads += 1
        return await super().read(*args)


@pytest.fixture
def store(delivering: Delivering, database: Database) -> CountingStore:
    return CountingStore(database, delivering.log, now=delivering.clock)


async def look(watch: Watch) -> None:
    """Look, whatever was seen a moment ago."""
    await watch.look(since=monotonic())


async def begun(delivering: Delivering, store: DeliveryStore) -> tuple[int, Watch]:
    """Return the newest position, and a watch that has seen it."""
    watch = Watch(store)
    await look(watch)
    return await delivering.log.last(), watch


async def selected(
    reader: Watch | DeliveryStore, log: EventLog, subscription: EventSubscription, after: int, limit: int = 500
) -> list[str]:
    """Return the ids of all events after a position, read page by page."""
    found: list[str] = []
    last = await log.last()
    while after < last:
        events, reached = await reader.read(subscription, after, limit)
        assert reached > after
        assert len(events) <= limit
        found += [event.event_id for event in events]
        after = reached
    return found


async def test_new_events_are_read_once_for_all_deliveries(delivering: Delivering, store: CountingStore) -> None:
    watch = Watch(store)
    activities = replace(delivering.activities(), store=store, watch=watch)
    async with recipient() as first, recipient() as second, recipient() as third:
        seen = {"a": first, "b": second, "c": third}
        for name, each in seen.items():
            await delivering.subscribe(each.port, subscription_id=name, types=["orders.JoinOrdered"])
        await look(watch)
        await delivering.tell("x", "y", "x")
        await delivering.tell("x", event="JoinCompleted")
        for name in seen:
            await running(activities, subscription_id=name)

    for each in seen.values():
        assert sorted(each.requests) == [["x-0"], ["x-1"], ["y-0"]]
    assert store.reads == 0


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_read_together_is_what_each_would_read(
    delivering: Delivering, store: CountingStore, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)  # noqa: S311 - examples
    monkeypatch.setattr(watches, "MOST_RECENT", 12)
    watch, first = Watch(store), await delivering.log.last()
    for _ in range(8):
        for _ in range(random.randrange(4)):
            orders = [random.choice("abc") for _ in range(random.choice((1, 3, 5)))]
            await delivering.tell(*orders, event=random.choice(KINDS), region=random.choice(REGIONS))
        await look(watch)
        last = await delivering.log.last()
        for given in SELECTED:
            subscription = EventSubscription(**given)
            for after in {first, last, *(random.randint(first, last) for _ in range(3))}:
                limit = random.choice((1, 2, 500))
                each_would = await selected(store, delivering.log, subscription, after)
                assert await selected(watch, delivering.log, subscription, after, limit) == each_would


async def test_many_new_events_are_left_to_each_delivery(
    delivering: Delivering, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "MOST_RECENT", 3)
    first, watch = await begun(delivering, store)
    await delivering.tell(*"abcd")
    await look(watch)

    assert len(await selected(watch, delivering.log, EventSubscription(), first)) == 4
    assert store.reads == 1
    for order in "abc":
        await delivering.tell(order)
        await look(watch)
    assert await selected(watch, delivering.log, EventSubscription(), first + 4) == ["a-1", "b-1", "c-1"]
    assert store.reads == 1
    await delivering.tell("d")
    await look(watch)
    assert await selected(watch, delivering.log, EventSubscription(), first + 4) == ["a-1", "b-1", "c-1", "d-1"]
    assert store.reads == 2, "only the newest events are kept"


async def test_events_that_are_gone_are_not_passed_over(
    delivering: Delivering, store: CountingStore, database: Database
) -> None:
    """Also by a process that was frozen for as long as events are kept."""
    first = await delivering.log.last()
    await delivering.tell(*"abc")
    frozen = Watch(store)
    await look(frozen)
    await delivering.tell(*"abc")
    async with database.writing() as connection:
        await connection.execute(update(EVENT_POSITION).values(pruned=first + 5))
    for watch in (Watch(store), frozen):
        await look(watch)
        with pytest.raises(EventsGone):
            await watch.read(EventSubscription(), first + 3, 500)
        assert await selected(watch, delivering.log, EventSubscription(), first + 5) == ["c-1"]


async def test_a_log_that_was_set_back_is_read_again(
    delivering: Delivering, store: CountingStore, database: Database
) -> None:
    first, watch = await begun(delivering, store)
    await delivering.tell(*"abc")
    await look(watch)
    async with database.writing() as connection:
        await connection.execute(update(EVENT_POSITION).values(sequence=first + 1))
        await connection.execute(delete(EVENT).where(EVENT.c.sequence > first + 1))
    await look(watch)
    await delivering.tell(*"xyz")
    await look(watch)

    assert await selected(watch, delivering.log, EventSubscription(), first + 1) == ["x-0", "y-0", "z-0"]
    assert await selected(watch, delivering.log, EventSubscription(), first) == ["a-0", "x-0", "y-0", "z-0"]


async def test_a_log_that_was_renumbered_is_read_on(delivering: Delivering, store: CountingStore) -> None:
    first, watch = await begun(delivering, store)
    await delivering.tell("a")
    await look(watch)
    await delivering.log.renumber()
    await look(watch)
    await delivering.tell("b")
    await look(watch)

    assert await selected(watch, delivering.log, EventSubscription(), first) == ["a-0", "b-0"]


async def test_a_look_that_fails_is_made_up_for(
    delivering: Delivering, store: CountingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, watch = await begun(delivering, store)
    await delivering.tell("a")
    with monkeypatch.context() as away:
        away.setattr(store, "present", AsyncMock(side_effect=StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            await look(watch)
    await delivering.tell("b")
    await look(watch)

    assert await selected(watch, delivering.log, EventSubscription(), first) == ["a-0", "b-0"]
    assert store.reads == 0


async def test_an_event_that_nobody_can_read_concerns_only_who_selects_it(
    delivering: Delivering, store: CountingStore, database: Database
) -> None:
    first, watch = await begun(delivering, store)
    await delivering.tell("a", event="JoinCompleted")
    await delivering.tell("b")
    async with database.writing() as connection:
        await connection.execute(update(EVENT).where(EVENT.c.subject == "a").values(document="{"))
    await look(watch)

    ordered = EventSubscription(types=["orders.JoinOrdered"])
    assert await selected(watch, delivering.log, ordered, first) == ["b-0"]
    with pytest.raises(json.JSONDecodeError):
        await watch.read(EventSubscription(), first, 500)
