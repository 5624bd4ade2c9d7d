"""The relay reads the outbox: it waits for events, gathers those of a moment, and sees where it was set back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import delete, select, update
from temporalio.testing import ActivityEnvironment

from activities.order_status import outbox
from activities.order_status.outbox import OutboxActivities
from domain.common import contexts
from domain.event_delivery.relay import EventsRead, ReadEvents, TellUntold
from stores.common.database import Database
from stores.order_status import view
from stores.order_status.outbox import KEEP_RELAYED_FOR, OutboxStore
from stores.order_status.tables import ORDER_EVENT, ORDER_STATUS, OUTBOX_POSITION
from stores.order_status.view import OrderStatusStore
from tests.databases import SQLITE
from tests.eventually import soon
from tests.stores.orders import NOON, order

pytestmark = pytest.mark.parametrize("kind", [SQLITE])
FOR_EVER = 60.0
Lose = Callable[[int], Awaitable[None]]


@pytest.fixture
def context() -> str:
    return contexts.ORDER_STATUS


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def activities(database: Database, registry: CollectorRegistry) -> OutboxActivities:
    return OutboxActivities(database, registry)


@pytest.fixture
async def last(database: Database) -> int:
    return await OutboxStore(database).last()


def begun(
    activities: OutboxActivities, request: ReadEvents
) -> tuple["asyncio.Future[EventsRead]", ActivityEnvironment]:
    environment = ActivityEnvironment()
    return asyncio.ensure_future(environment.run(activities.read, request)), environment


def beating(environment: ActivityEnvironment) -> Callable[[], bool]:
    """Return a condition: the activity has looked three times."""
    beats: list[object] = []
    environment.on_heartbeat = lambda *_: beats.append(None)
    return lambda: len(beats) >= 3


async def until(condition: Callable[[], bool]) -> None:
    async def met() -> bool:
        return condition()

    await soon(met)


async def test_a_read_waits_for_the_first_event_and_says_that_it_lives(
    database: Database, activities: OutboxActivities, last: int
) -> None:
    reading, environment = begun(activities, ReadEvents(last, wait=FOR_EVER, gather=0))
    await until(beating(environment))
    assert not reading.done()

    await OrderStatusStore(database).put([order("o1")])

    read = await reading
    assert ([each.subject for each in read.events], read.up_to, read.last) == (["o1"], last + 1, last + 1)


@pytest.mark.parametrize(
    ("waited", "passed", "left"),
    [(0.0, 0.0, 0.5), (0.0, 0.25, 0.25), (0.25, 0.0, 0.25), (0.125, 0.25, 0.125), (0.0, 2.0, 0.0), (2.0, 0.0, 0.0)],
)
async def test_events_are_gathered_since_the_read_was_asked_for(
    database: Database,
    activities: OutboxActivities,
    last: int,
    monkeypatch: pytest.MonkeyPatch,
    waited: float,
    passed: float,
    left: float,
) -> None:
    """The read has waited for a worker. Then some time has passed until there was a first event."""
    environment, asked_at = ActivityEnvironment(), datetime(2026, 11, 28, 12, tzinfo=UTC)
    environment.info = replace(
        environment.info,
        scheduled_time=asked_at - timedelta(hours=1),  # of a try before
        current_attempt_scheduled_time=asked_at,
        started_time=asked_at + timedelta(seconds=waited),
    )
    store, seconds = OrderStatusStore(database), iter([0.0])
    await store.put([order("o1")])
    gathered: list[float] = []

    async def sleep(seconds: float) -> None:
        gathered.append(seconds)
        monkeypatch.undo()
        await store.put([order("o2")])

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(outbox, "monotonic", lambda: next(seconds, passed))
    read = await environment.run(activities.read, ReadEvents(last, gather=0.5))

    assert ([each.subject for each in read.events], gathered) == (["o1", "o2"], [left])


async def test_a_full_page_is_read_at_once(
    database: Database, activities: OutboxActivities, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await OrderStatusStore(database).put([order("o1"), order("o2")])
    monkeypatch.setattr(asyncio, "sleep", pytest.fail)

    read = await ActivityEnvironment().run(activities.read, ReadEvents(last, limit=2, gather=0.5))

    assert len(read.events) == 2


async def test_a_read_ends_when_nothing_comes_and_when_its_worker_stops(
    activities: OutboxActivities, last: int
) -> None:
    nothing = await ActivityEnvironment().run(activities.read, ReadEvents(last, wait=0))
    assert (nothing.events, nothing.up_to) == ([], last)

    reading, environment = begun(activities, ReadEvents(last, wait=FOR_EVER))
    await until(beating(environment))
    environment.worker_shutdown()

    assert (await reading).events == []


async def test_what_a_reader_has_passed_counts_as_copied(
    database: Database, activities: OutboxActivities, last: int
) -> None:
    await OrderStatusStore(database).put([order("o1")])

    await ActivityEnvironment().run(activities.read, ReadEvents(last + 1, wait=0))

    async with database.reading() as connection:
        assert await connection.scalar(select(OUTBOX_POSITION.c.relayed)) == last + 1


async def test_an_outbox_that_was_set_back_is_read_again_and_told_of(
    database: Database, activities: OutboxActivities, last: int, registry: CollectorRegistry
) -> None:
    """A backup was restored, in which the outbox has not given the numbers that its reader has seen."""
    await OrderStatusStore(database).put([order("o1"), order("o2")])
    far = last + 1000

    read = await ActivityEnvironment().run(activities.read, ReadEvents(far, wait=0))

    assert sorted(each.subject for each in read.events) == ["o1", "o2"]
    assert read.up_to == read.last == await OutboxStore(database).last() > far
    assert registry.get_sample_value("event_outbox_set_back_total") == 1
    await ActivityEnvironment().run(activities.read, ReadEvents(read.up_to, wait=0))
    assert registry.get_sample_value("event_outbox_set_back_total") == 1


@pytest.fixture
def lose(database: Database) -> Lose:
    """Let the database lose everything that it has stored since a number of the outbox was given."""

    async def lose(after: int) -> None:
        async with database.writing() as connection:
            lost = select(ORDER_EVENT.c.subject).where(ORDER_EVENT.c.sequence > after)
            await connection.execute(delete(ORDER_STATUS).where(ORDER_STATUS.c.order_id.in_(lost)))
            await connection.execute(delete(ORDER_EVENT).where(ORDER_EVENT.c.sequence > after))
            await connection.execute(update(OUTBOX_POSITION).values(sequence=after, relayed=after))

    return lose


async def test_a_number_that_was_given_anew_is_noticed(
    database: Database, activities: OutboxActivities, last: int, lose: Lose, registry: CollectorRegistry
) -> None:
    """The database has lost what was copied last. Before the reader comes back, others have got these numbers."""
    store = OrderStatusStore(database)
    await store.put([order("o1"), order("o2")])
    copied = (await ActivityEnvironment().run(activities.read, ReadEvents(last, wait=0))).events
    await lose(last)
    await store.put([order("o3"), order("o4")])

    following = ReadEvents(last + 2, wait=0, last_event=copied[-1].event_id)
    read = await ActivityEnvironment().run(activities.read, following)

    assert sorted(each.subject for each in read.events) == ["o3", "o4"]
    assert registry.get_sample_value("event_outbox_set_back_total") == 1


async def test_numbers_that_are_given_anew_while_a_read_waits_are_noticed(
    database: Database, activities: OutboxActivities, last: int, lose: Lose
) -> None:
    store = OrderStatusStore(database)
    await store.put([order("o1"), order("o2")])
    copied = (await ActivityEnvironment().run(activities.read, ReadEvents(last, wait=0))).events
    following = ReadEvents(last + 2, wait=FOR_EVER, gather=0, last_event=copied[-1].event_id)
    reading, environment = begun(activities, following)
    await until(beating(environment))
    await lose(last)
    await store.put([order("o3"), order("o4"), order("o5")])

    read = await reading

    assert sorted(each.subject for each in read.events) == ["o3", "o4", "o5"]


async def test_a_number_whose_event_is_as_before_or_not_kept_any_more_is_not_given_anew(
    database: Database, activities: OutboxActivities, last: int, registry: CollectorRegistry
) -> None:
    await OrderStatusStore(database).put([order("o1")])
    [event] = (await ActivityEnvironment().run(activities.read, ReadEvents(last, wait=0))).events
    following = ReadEvents(last + 1, wait=0, last_event=event.event_id)

    await ActivityEnvironment().run(activities.read, following)
    async with database.writing() as connection:
        await connection.execute(delete(ORDER_EVENT))
    await ActivityEnvironment().run(activities.read, following)

    assert registry.get_sample_value("event_outbox_set_back_total") == 0


async def test_a_log_that_was_set_back_behind_what_is_kept_is_told_again(
    database: Database,
    activities: OutboxActivities,
    last: int,
    registry: CollectorRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backup of the log was restored, which does not know what was copied and is kept no longer."""
    monkeypatch.setattr(view, "_PRUNE_EVERY", 1)
    await OrderStatusStore(database, now=lambda: NOON).put([order("o1")])
    copied = await ActivityEnvironment().run(activities.read, ReadEvents(last + 1, wait=0))
    later = NOON + KEEP_RELAYED_FOR + timedelta(hours=1)
    await OrderStatusStore(database, now=lambda: later).put([order("o2")])

    read = await ActivityEnvironment().run(activities.read, ReadEvents(last, wait=0))
    await ActivityEnvironment().run(activities.tell_untold, TellUntold(again=True))
    again = await ActivityEnvironment().run(activities.read, ReadEvents(read.up_to, wait=0))

    assert (copied.lacking, read.lacking, again.lacking) == (False, True, False)
    assert [each.subject for each in read.events] == ["o2"]
    assert [each.subject for each in again.events] == ["o1", "o2"]
    assert registry.get_sample_value("event_log_set_back_total") == 1


async def test_what_is_missing_is_told_on_request(database: Database, activities: OutboxActivities, last: int) -> None:
    await OrderStatusStore(database).put([order("o1")])
    async with database.writing() as connection:
        await connection.execute(update(ORDER_STATUS).values(last_told=None))

    told = await ActivityEnvironment().run(activities.tell_untold, TellUntold())

    assert (told.told, told.next) == (1, None)
    read = await OutboxStore(database).read(last, 10)
    assert len({each.event_id for each in read.events}) == 1
