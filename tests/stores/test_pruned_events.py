"""An order may be told again after its events were deleted: what the log had is no news, and nothing new is lost."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, select

from domain.common import contexts
from domain.event_delivery.log import EventFilter
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from stores.common.database import Database
from stores.event_delivery import pruning
from stores.event_delivery.log import EventLog
from stores.event_delivery.tables import EVENT_PRUNED
from tests.stores.conftest import Connect

SOURCE = contexts.ORDER_STATUS
KEPT = timedelta(days=30)


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


class World:
    """A log, the histories of orders, and a consumer that reads the log."""

    def __init__(self, log: EventLog, now: datetime) -> None:
        self.log = log
        self.now = now
        self.histories: dict[str, list[OutboxEvent]] = defaultdict(list)
        self.came: list[str] = []
        """Ids of the events that the consumer has got."""
        self._read = 0
        self._given = 0

    def happens(self, order_id: str, *, at: datetime | None = None) -> OutboxEvent:
        """Add an entry to the history of an order."""
        history, self._given = self.histories[order_id], self._given + 1
        position = len(history)
        event = OutboxEvent(
            f"{order_id}-{position}-{self._given}", order_id, position, "Told", at or self.now, {"position": position}
        )
        history.append(event)
        return event

    async def tell(self, *events: OutboxEvent) -> None:
        """Have events relayed, and read what is new."""
        self._read += 1
        await self.log.append(AppendEvents(SOURCE, self._read - 1, [*events], self._read))
        page = await self.log.read(None, EventFilter(), 500)
        ids = [json.loads(document)["id"] for document in page.documents]
        self.came += ids[ids.index(self.came[-1]) + 1 :] if self.came and self.came[-1] in ids else ids

    async def tell_again(self, order_ids: Iterable[str]) -> None:
        """Have the histories of orders relayed from their beginning on, as after a rebuild of the view."""
        await self.tell(*(event for order_id in order_ids for event in self.histories[order_id]))

    async def prune(self) -> None:
        """Delete what is kept no longer."""
        while await self.log.prune(self.now - KEPT):
            pass

    def came_of(self, order_id: str) -> list[str]:
        """Return what the consumer has got of an order."""
        return [event_id for event_id in self.came if event_id.startswith(f"{order_id}-")]


@pytest.fixture
def world(database: Database) -> World:
    made = World(EventLog(database, now=lambda: made.now), datetime(2026, 1, 1, tzinfo=UTC))
    return made


def ids(events: Iterable[OutboxEvent]) -> list[str]:
    return [event.event_id for event in events]


async def test_nothing_early_comes_after_something_late_if_an_old_order_is_told_again(world: World) -> None:
    await world.tell(*(world.happens("a") for _ in range(3)), world.happens("b"))
    world.now += timedelta(days=20)
    await world.tell(world.happens("a"))
    world.now += timedelta(days=11)
    await world.prune()
    world.happens("a")
    world.happens("c")

    await world.tell_again("abc")

    assert world.came == ids([*world.histories["a"][:3], *world.histories["b"], *world.histories["a"][3:]]) + ids(
        world.histories["c"]
    )


async def test_an_order_that_was_reset_has_news_at_the_positions_of_what_was_deleted(world: World) -> None:
    await world.tell(*(world.happens("a") for _ in range(4)))
    world.now += timedelta(days=31)
    await world.prune()
    before = ids(world.histories["a"])
    del world.histories["a"][2:]
    new = [world.happens("a"), world.happens("a")]

    await world.tell_again("a")
    world.now += timedelta(days=31)
    await world.prune()
    await world.tell_again("a")

    assert world.came == [*before, *ids(new)]


async def test_a_clock_that_was_wrong_hides_nothing_and_brings_nothing_back(world: World) -> None:
    await world.tell(world.happens("a", at=world.now + timedelta(days=900)))
    world.now += timedelta(days=31)
    await world.prune()

    await world.tell(world.happens("a"))
    world.now += timedelta(days=31)
    await world.prune()
    await world.tell_again("a")

    assert world.came == ids(world.histories["a"])


async def test_whatever_happens_each_event_comes_once_and_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_OLDEST", pruning._OLDEST.limit(3))
    random, orders = Random(20), "abcd"  # noqa: S311 - not secret
    told: dict[str, list[OutboxEvent]] = defaultdict(list)
    for _ in range(60):
        order_id = random.choice(orders)
        match random.choice(["happens", "happens", "happens", "again", "reset", "time"]):
            case "happens":
                told[order_id] += (new := [world.happens(order_id) for _ in range(random.randint(1, 3))])
                await world.tell(*new)
            case "again":
                await world.tell_again(orders)
            case "reset":
                del world.histories[order_id][random.randint(0, len(world.histories[order_id])) :]
            case "time":
                await world.prune()
        world.now += timedelta(days=random.randint(1, 6))
    await world.tell_again(orders)

    assert {order_id: world.came_of(order_id) for order_id in orders} == {each: ids(told[each]) for each in orders}


async def test_what_is_deleted_while_others_append_and_delete_does_not_come_back(connect: Connect) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    logs = [EventLog(connect(), now=lambda: now) for _ in range(4)]
    world = World(logs[0], now)
    first = [world.happens(f"o{number}") for number in range(30)]
    await world.tell(*first)

    later, log = world.happens("o1"), EventLog(connect(), now=lambda: now + timedelta(days=2))
    prunes = (each.prune(now + timedelta(days=1)) for each in logs)
    await asyncio.gather(log.append(AppendEvents(SOURCE, 1, [*first, later], 2)), *prunes)
    await log.append(AppendEvents(SOURCE, 2, [*first, later], 3))

    page = await log.read(None, EventFilter(), 500)
    assert {json.loads(document)["id"] for document in page.documents} == {later.event_id}


async def test_an_order_is_remembered_for_a_bounded_time(world: World, database: Database) -> None:
    async def remembered() -> int:
        async with database.reading() as connection:
            return int((await connection.execute(select(func.count()).select_from(EVENT_PRUNED))).scalar_one())

    for order_id in "ab":
        await world.tell(world.happens(order_id))
        world.now += timedelta(days=31)
        await world.prune()
    world.now += pruning.REMEMBERED_FOR - timedelta(days=30)
    assert await remembered() == 2

    await world.prune()
    assert await remembered() == 1
    world.now += timedelta(days=31)
    await world.prune()
    assert await remembered() == 0
