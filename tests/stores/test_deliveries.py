"""What a delivery reads and writes: all or nothing, and only if it is the newest."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from domain.common import contexts
from domain.common.errors import NotFound
from domain.event_delivery.answers import Outcome
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from domain.event_delivery.subscriptions import (
    Attempt,
    AttemptFilter,
    Edge,
    EventSubscription,
    HeldOrder,
    PauseReason,
    SubscriptionRequest,
    SubscriptionState,
)
from runtime.payload_keys import PayloadKeys
from runtime.secret_seal import SecretSeal, new_secret
from stores.common.database import Database
from stores.event_delivery.attempts import KEEP_ATTEMPTS_FOR, AttemptStore
from stores.event_delivery.census import Census, SubscriptionCensus
from stores.event_delivery.deliveries import UNATTENDED_AFTER, DeliveryStore, Superseded
from stores.event_delivery.held_orders import HeldOrderStore
from stores.event_delivery.log import EventLog
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.event_delivery.tables import EVENT_ATTEMPT
from tests.stores.conftest import Connect

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


class World:
    """The stores of one database, and a clock."""

    def __init__(self, database: Database) -> None:
        self.now = NOON
        self.log = EventLog(database, now=lambda: self.now)
        self.subscriptions = SubscriptionStore(
            database, SecretSeal(PayloadKeys({"a": bytes(32)})), now=lambda: self.now
        )
        self.attempts = AttemptStore(database, now=lambda: self.now)
        self.deliveries = DeliveryStore(database, self.log, now=lambda: self.now)
        self.census = SubscriptionCensus(database)
        self._read = 0

    async def subscribe(self, id_: str = "a", **given: Any) -> None:
        request = replace(SubscriptionRequest("billing", f"https://{id_}.example/", "service:billing"), **given)
        await self.subscriptions.create(id_, request, new_secret(), start=Edge.BEGINNING)
        await self.subscriptions.agree(id_, request.url, None)

    async def tell(self, *orders: str, event: str = "JoinOrdered") -> None:
        events = [
            OutboxEvent(f"e{self._read + number}", order, 0, event, self.now, {"position": 0})
            for number, order in enumerate(orders)
        ]
        before, self._read = self._read, self._read + len(events)
        await self.log.append(AppendEvents(contexts.ORDER_STATUS, before, events, self._read))


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def attempt(number: int, at: datetime = NOON) -> Attempt:
    return Attempt(f"a{number}", "a", f"e{number}", at, Outcome.REFUSED, 5, 1, number)


def held(order_id: str, sequence: int, retry_at: datetime | None = NOON) -> HeldOrder:
    return HeldOrder(order_id, f"e-{order_id}", NOON, 1, retry_at, sequence, 422)


async def test_what_is_saved_is_where_the_next_run_begins(world: World) -> None:
    await world.subscribe()
    begun = await world.deliveries.begin("a")
    subscription = begun.subscription
    assert (begun.held, begun.tries) == ([], {})
    subscription.delivered, subscription.ahead = subscription.delivered + 3, [7, 9]
    subscription.failing_since, subscription.failures, subscription.last_outcome = NOON, 2, Outcome.THROTTLED
    orders = {each.order_id: each for each in (held("o1", 5), held("o2", 6, None))}

    await world.deliveries.save(subscription, [attempt(1), attempt(2)], orders)

    again = await world.deliveries.begin("a")
    assert again.subscription.run == subscription.run + 1
    assert vars(again.subscription) == vars(subscription) | {"run": subscription.run + 1}
    assert {each.order_id: each for each in again.held} == orders
    assert again.tries == {"e1": 1, "e2": 1}
    await world.deliveries.save(again.subscription, [], {"o1": held("o1", 8), "o2": None})
    assert (await world.deliveries.begin("a")).held == [held("o1", 8)]


async def test_what_all_deliveries_look_at_comes_with_the_new_events_if_they_are_few(world: World) -> None:
    await world.subscribe()
    first = (await world.deliveries.present(0, most=0))[0].last
    await world.tell("o1", "o2")
    await world.tell("o1", event="JoinCompleted")

    async def new(after: int, most: int) -> list[tuple[int, str, str]] | None:
        present, events = await world.deliveries.present(after, most=most)
        assert (present.last, [*present.runs]) == (first + 3, ["a"])
        if events is None:
            return None
        return [(each.sequence - first, each.event.order_id, each.type) for each in events]

    ordered, completed = "orders.JoinOrdered", "orders.JoinCompleted"
    assert await new(first, 3) == [(1, "o1", ordered), (2, "o2", ordered), (3, "o1", completed)]
    assert await new(first + 1, 2) == [(2, "o2", ordered), (3, "o1", completed)]
    assert await new(first + 3, 0) == []
    for too_far, most in ((first, 2), (0, 3), (first - 1, 100), (first + 4, 100)):
        assert await new(too_far, most) is None


@pytest.mark.parametrize(
    "type_", ["orders.*", "Orders.*", "order.*", "orders.JoinOrdered", "orders.joinOrdered", "o%.*"]
)
async def test_the_log_selects_what_a_delivery_selects(world: World, type_: str) -> None:
    first = (await world.deliveries.present(0, most=0))[0].last
    for event in ("JoinOrdered", "JoinCompleted", "PersonalDataErased"):
        await world.tell("o1", event=event)
    wanted = EventSubscription(types=[type_])

    _, new = await world.deliveries.present(first, most=10)
    by_delivery = [each.event for each in new or () if wanted.selects(each.type, each.region)]

    assert (await world.deliveries.read(wanted, first, 10))[0] == by_delivery
    assert len(new or ()) == 3


async def test_an_earlier_run_writes_nothing(world: World) -> None:
    await world.subscribe()
    earlier = (await world.deliveries.begin("a")).subscription
    later = (await world.deliveries.begin("a")).subscription
    with pytest.raises(Superseded):
        await world.deliveries.save(earlier, [attempt(1)], {"o1": held("o1", 5)})
    assert (await world.attempts.list("a", AttemptFilter())).items == []
    await world.deliveries.save(later)
    await world.subscriptions.pause("a")
    with pytest.raises(Superseded):
        await world.deliveries.save(later)
    assert (await world.subscriptions.get("a")).subscription.state is SubscriptionState.PAUSED
    await world.subscriptions.delete("a")
    with pytest.raises(Superseded):
        await world.deliveries.save(later)
    with pytest.raises(NotFound):
        await world.deliveries.begin("a")


@pytest.mark.parametrize("act", ["nothing", "pause", "skip", "replay", "begin"])
async def test_of_runs_that_begin_at_once_only_the_newest_writes(connect: Connect, act: str) -> None:
    """What a person does at the same time stands, and so does a still newer run, whoever is first."""
    worlds = [World(connect()) for _ in range(4)]
    world, skipping = worlds[0], HeldOrderStore(connect())
    await world.subscribe()
    await world.tell("o1", "o2", "o3")
    start, written = (await world.subscriptions.get("a")).subscription.delivered, set[str]()
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "nothing": lambda: world.subscriptions.get("a"),
        "pause": lambda: world.subscriptions.pause("a"),
        "skip": lambda: skipping.skip("a", "o1"),
        "replay": lambda: world.subscriptions.replay("a", Edge.BEGINNING),
        "begin": lambda: world.deliveries.begin("a"),
    }
    for turn in range(len(worlds) + 1):
        await world.subscriptions.resume("a")
        before = (await world.deliveries.begin("a")).subscription
        before.delivered, before.last_status = start + 1, before.run
        await world.deliveries.save(before, [], {"o1": held("o1", start + 1), "o2": None})

        begun = [each.subscription for each in await asyncio.gather(*(each.deliveries.begin("a") for each in worlds))]
        assert sorted(each.run for each in begun) == [*range(before.run + 1, before.run + 1 + len(worlds))]
        saves = [_save(each, run, start + 2) for each, run in zip(worlds, begun, strict=True)]
        answers = await asyncio.gather(*saves[:turn], acts[act](), *saves[turn:], return_exceptions=True)
        assert not isinstance(answers.pop(turn), BaseException)

        [newest] = [each for each in begun if each.run == before.run + len(worlds)]
        superseded = [isinstance(answer, Superseded) for answer in answers]
        assert superseded == [answer is not None for answer in answers]
        saved = not superseded[begun.index(newest)]
        assert superseded.count(False) == saved
        written |= {f"a{newest.run}"} if saved else set()
        assert saved or act != "nothing"
        if act != "nothing":
            with pytest.raises(Superseded):
                await _save(world, newest, start + 3)
        now = await world.subscriptions.get("a")
        assert {each.attempt_id for each in (await world.attempts.list("a", AttemptFilter())).items} == written
        assert now.subscription.last_status == (newest if saved else before).run
        assert now.subscription.delivered == (start if act == "replay" else start + 2 if saved else start + 1)
        assert now.subscription.state == ("PAUSED" if act == "pause" else "ACTIVE")
        orders = {each.order_id for each in (await skipping.list("a")).items}
        left = {"o1": act not in ("skip", "replay"), "o2": saved and act != "replay"}
        assert orders == {order_id for order_id, is_held in left.items() if is_held}


async def _save(world: World, run: EventSubscription, delivered: int) -> None:
    """Save something that names the run."""
    run.delivered, run.last_status = delivered, run.run
    await world.deliveries.save(run, [attempt(run.run)], {"o2": held("o2", delivered)})


async def test_old_attempts_go_a_bounded_number_at_a_time(world: World, database: Database) -> None:
    await world.subscribe()
    subscription = (await world.deliveries.begin("a")).subscription
    old = NOON - KEEP_ATTEMPTS_FOR - SECOND
    await world.deliveries.save(subscription, [attempt(number, old) for number in range(700)])
    for left in (200, 2):
        await world.deliveries.save(subscription, [attempt(1000 + left)])
        async with database.reading() as connection:
            kept = await connection.scalar(select(func.count()).select_from(EVENT_ATTEMPT))
        assert kept == (201 if left == 200 else 2)


async def test_events_of_one_order_are_found_one_by_one(world: World) -> None:
    await world.subscribe(types=["orders.JoinOrdered"])
    subscription = (await world.deliveries.begin("a")).subscription
    await world.tell("o1", "o2")
    await world.tell(*["o1"] * 150, event="OrderAccepted")
    await world.tell("o1")
    first, last = subscription.delivered, await world.log.last()

    async def following(after: int, up_to: int = last) -> str | None:
        event = await world.deliveries.next_of(subscription, "o1", after=after, up_to=up_to)
        return event.event_id if event else None

    assert await following(first) == "e0"
    assert await following(first + 1) == "e152"
    assert await following(first + 1, last - 1) is None
    assert await following(last) is None


async def test_who_has_no_delivery_is_found(world: World) -> None:
    for id_ in "abcd":
        await world.subscribe(id_)
    await world.subscriptions.pause("d")
    assert sorted(await world.deliveries.unattended()) == ["a", "b", "c"]
    await world.deliveries.begin("a")
    waiting = (await world.deliveries.begin("b")).subscription
    waiting.retry_at = NOON + timedelta(hours=1)
    await world.deliveries.save(waiting)
    assert await world.deliveries.unattended() == ["c"]
    world.now += UNATTENDED_AFTER + SECOND
    assert sorted(await world.deliveries.unattended()) == ["a", "c"]
    world.now += timedelta(hours=1)
    assert sorted(await world.deliveries.unattended()) == ["a", "b", "c"]


async def test_monitoring_counts_what_there_is(world: World) -> None:
    assert await world.census.take() == Census({}, 0, None, 0, 0)
    for id_ in "abc":
        await world.subscribe(id_)
    assert (await world.census.take()).undelivered_since is None
    await world.tell("o1")
    world.now += SECOND
    await world.tell("o2")
    working = (await world.deliveries.begin("a")).subscription
    working.delivered += 1
    await world.deliveries.save(working, [], {"o1": held("o1", 1), "o2": held("o2", 2, None)})
    ended = (await world.deliveries.begin("b")).subscription
    ended.state, ended.pause_reason, ended.failing_since = SubscriptionState.PAUSED, PauseReason.GONE, NOON
    await world.deliveries.save(ended)
    await world.subscriptions.pause("c")

    await world.subscribe("d")
    failing = (await world.deliveries.begin("d")).subscription
    failing.failing_since = NOON
    await world.deliveries.save(failing)

    counts = {("ACTIVE", ""): 2, ("PAUSED", "GONE"): 1, ("PAUSED", "BY_PERSON"): 1}
    assert await world.census.take() == Census(counts, 1, NOON + SECOND, 2, 1)
