"""The log of events: each event once, numbered in the order of commits, whoever appends, and whoever is killed when."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from domain.common import contexts
from domain.event_delivery.log import EventFilter, EventsGone
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from stores.common.database import Database
from stores.event_delivery import log as event_log
from stores.event_delivery import pruning
from stores.event_delivery.log import EventLog
from tests.stores.conftest import Connect
from tests.stores.statements import COMMIT, stopped_before_each_statement

SOURCE = contexts.ORDER_STATUS
ALL = EventFilter()
AT = datetime(2026, 11, 28, 5, 7, 34, 213456, tzinfo=UTC)


@pytest.fixture
def context() -> str:
    return contexts.EVENT_DELIVERY


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


def events(*numbers: int, event: str = "JoinOrdered", region: str | None = None) -> list[OutboxEvent]:
    return [
        OutboxEvent(f"o{number}-0-abc", f"o{number}", 0, event, AT, {"orderId": f"o{number}", "position": 0}, region)
        for number in numbers
    ]


def ids(documents: Sequence[str]) -> list[str]:
    return [json.loads(document)["id"] for document in documents]


async def everything(log: EventLog, wanted: EventFilter = ALL, limit: int = 500) -> list[str]:
    """Read the whole log, page by page, as a consumer does."""
    found: list[str] = []
    page = await log.read(None, wanted, limit)
    found += page.documents
    while page.next < page.last:
        page = await log.read(page.next, wanted, limit)
        found += page.documents
    return found


async def test_an_event_is_a_cloud_event_and_stays_the_same_text(database: Database) -> None:
    log = EventLog(database, origin="urn:isp")
    await log.append(AppendEvents(SOURCE, 0, events(1, region="KR-11"), 7))

    [document] = await everything(log)

    event = json.loads(document)
    assert event == {
        "specversion": "1.0",
        "id": "o1-0-abc",
        "source": "urn:isp:orders",
        "type": "orders.JoinOrdered",
        "subject": "o1",
        "time": "2026-11-28T05:07:34.213456Z",
        "datacontenttype": "application/json",
        "partitionkey": "o1",
        "sequence": f"{await log.last():020}",
        "data": {"orderId": "o1", "position": 0},
    }
    assert await everything(EventLog(database, origin="https://elsewhere.example")) == [document]


async def test_what_is_appended_again_is_there_once(database: Database) -> None:
    log = EventLog(database)
    first = AppendEvents(SOURCE, 0, events(1, 2), 10)

    assert await log.append(first) == (10, 2)
    # Its answer was lost, or a worker that was thought dead goes on.
    assert await log.append(first) == (10, 0)
    assert await log.append(AppendEvents(SOURCE, 0, events(3), 11)) == (10, 0)
    assert await log.position(SOURCE) == 10
    # The source tells again what it told before, as after a rebuild, and something twice.
    assert await log.append(AppendEvents(SOURCE, 10, events(2, 3, 1, 3), 14)) == (14, 1)
    assert ids(await everything(log)) == ["o1-0-abc", "o2-0-abc", "o3-0-abc"]


async def test_of_many_who_append_the_same_one_does(connect: Connect) -> None:
    logs = [EventLog(connect()) for _ in range(4)]
    for start in range(0, 30, 10):
        request = AppendEvents(SOURCE, start, events(*range(start, start + 10)), start + 10)
        answers = await asyncio.gather(*(log.append(request) for log in logs))
        assert sorted(answers) == [(start + 10, 0)] * 3 + [(start + 10, 10)]

    assert ids(await everything(logs[0])) == ids([json.dumps({"id": each.event_id}) for each in events(*range(30))])


async def test_whoever_is_stopped_while_appending_has_appended_nothing_and_then_each_event_once(
    database: Database, context: str
) -> None:
    log = EventLog(database)
    before = await log.last()
    assert await log.append(AppendEvents(SOURCE, 0, events(1), 1)) == (1, 1)
    request = AppendEvents(SOURCE, 1, events(1, 2, 3), 3)

    done = await stopped_before_each_statement(database, context, lambda: log.append(request))

    assert (len(done) >= 8, done[-1]) == (True, COMMIT)
    # It does not hear that this was committed, and does it again.
    assert await log.append(request) == (3, 0)
    assert (await log.position(SOURCE), await log.last()) == (3, before + 3)
    assert ids(await everything(log)) == [each.event_id for each in events(1, 2, 3)]


async def test_whoever_is_stopped_while_reading_a_source_for_the_first_time_has_not_read_it(
    database: Database, context: str
) -> None:
    log = EventLog(database)
    request = AppendEvents(SOURCE, 0, events(1, 2), 2)

    done = await stopped_before_each_statement(database, context, lambda: log.append(request))

    assert (len(done) >= 9, done[-1]) == (True, COMMIT)
    assert await log.append(request) == (2, 0)
    assert ids(await everything(log)) == [each.event_id for each in events(1, 2)]


async def test_a_source_moves_on_without_events_and_never_back(database: Database) -> None:
    log = EventLog(database)

    assert await log.append(AppendEvents(SOURCE, 0, [], 5)) == (5, 0)
    assert await log.append(AppendEvents(SOURCE, 5, [], 5)) == (5, 0)
    assert await log.append(AppendEvents(SOURCE, 5, events(1), 3)) == (5, 1)


async def test_no_number_appears_below_one_that_was_seen(connect: Connect) -> None:
    writers, reader = [EventLog(connect()) for _ in range(3)], EventLog(connect())
    seen: list[str] = []

    async def write(number: int) -> None:
        for turn in range(8):
            numbers = range(100 * number + 2 * turn, 100 * number + 2 * turn + 2)
            position = await writers[number].position(SOURCE)
            appended = 0
            while not appended:
                request = AppendEvents(SOURCE, position, events(*numbers), position + 1)
                position, appended = await writers[number].append(request)

    async def read(until: "asyncio.Future[list[None]]") -> None:
        position: int | None = None
        while True:
            done = until.done()
            page = await reader.read(position, ALL, 3)
            seen.extend(page.documents)
            position = page.next
            if done and page.next == page.last:
                return

    writing = asyncio.gather(*(write(number) for number in range(3)))
    await read(writing)
    await writing

    assert seen == await everything(reader)
    assert len(set(ids(seen))) == len(seen) == 3 * 8 * 2
    numbers = [json.loads(document)["sequence"] for document in seen]
    assert numbers == sorted(numbers)


async def test_a_reader_gets_what_its_filter_selects_and_passes_over_the_rest(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_log, "SEARCHED_AT_ONCE", 5)
    log, random = EventLog(database), Random(7)  # noqa: S311 - not secret
    written: list[OutboxEvent] = []
    for number in range(40):
        kinds = ["JoinOrdered", "JoinCompleted", "Join", "PersonalDataErased"]
        kind, region = random.choice(kinds), random.choice([None, "KR-11", "KR-26"])
        written += events(number, event=kind, region=region)
    await log.append(AppendEvents(SOURCE, 0, written, 1))

    for types in ((), ("orders.JoinOrdered",), ("orders.*",), ("orders.Join", "orders.JoinCompleted"), ("ord.*",)):
        for regions in ((), ("KR-11",), ("KR-26", "KR-11"), ("KR-99",)):
            expected = [
                each.event_id
                for each in written
                if each.event == "PersonalDataErased"
                or (
                    (not types or f"orders.{each.event}" in types or "orders.*" in types)
                    and (not regions or each.region in regions)
                )
            ]
            for limit in (1, 3, 40):
                assert ids(await everything(log, EventFilter(types, regions), limit)) == expected

    beginning = (await log.read(None, ALL, 1)).next - 1
    page = await log.read(beginning, EventFilter(("nothing.*",)), 5)
    told = [each.event_id for each in written[:5] if each.event == "PersonalDataErased"]
    assert (ids(page.documents), page.next) == (told, beginning + 5)


async def test_what_is_kept_no_longer_is_said_to_be_gone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_OLDEST", pruning._OLDEST.limit(2))
    clock = Clock()
    log, began = EventLog(database, now=clock), await EventLog(database).last()
    await log.append(AppendEvents(SOURCE, 0, events(1, 2, 3), 3))
    clock.at += timedelta(days=1)
    await log.append(AppendEvents(SOURCE, 3, events(4), 4))
    # The clock is set back.
    clock.at -= timedelta(days=1)
    await log.append(AppendEvents(SOURCE, 4, events(5), 5))
    assert ids((await log.read(began, ALL, 9)).documents) == [each.event_id for each in events(1, 2, 3, 4, 5)]

    pruned = [await log.prune(clock.at + timedelta(hours=1)) for _ in range(3)]

    assert pruned == [2, 1, 0]
    with pytest.raises(EventsGone) as gone:
        await log.read(began + 2, ALL, 9)
    assert gone.value.oldest == began + 3
    for after in (None, gone.value.oldest):
        assert ids((await log.read(after, ALL, 9)).documents) == ["o4-0-abc", "o5-0-abc"]


async def test_before_a_log_that_has_just_begun_there_may_have_been_something(database: Database) -> None:
    log = EventLog(database)

    page = await log.read(None, ALL, 9)

    assert (page.documents, page.next, page.last) == ([], await log.last(), await log.last())
    with pytest.raises(EventsGone):
        await log.read(page.last - 1, ALL, 9)
    with pytest.raises(ValueError, match="no such position"):
        await log.read(page.last + 1, ALL, 9)


async def test_a_restored_log_never_uses_a_number_again(database: Database) -> None:
    clock = Clock()
    log = EventLog(database, now=clock)
    await log.append(AppendEvents(SOURCE, 0, events(1), 1))
    in_the_backup = await log.last()
    # What came after the backup is lost, with numbers that consumers have seen.
    lost = in_the_backup + 50
    clock.at += timedelta(hours=1)

    await log.renumber()

    assert await log.append(AppendEvents(SOURCE, 1, events(2), 2)) == (2, 1)
    assert await log.last() > lost
    assert ids((await log.read(in_the_backup, ALL, 9)).documents) == ["o2-0-abc"]
    assert ids((await log.read(lost, ALL, 9)).documents) == ["o2-0-abc"]
    # A clock that is behind takes nothing back.
    before = await log.last()
    clock.at -= timedelta(days=400)
    await log.renumber()
    assert await log.last() == before


async def test_an_event_that_happened_elsewhere_in_time_is_told_in_utc(database: Database) -> None:
    log = EventLog(database)
    [event] = events(1)
    korean = replace(event, at=AT.astimezone().replace(microsecond=0))
    await log.append(AppendEvents(SOURCE, 0, [korean], 1))

    [document] = await everything(log)

    assert json.loads(document)["time"] == "2026-11-28T05:07:34.000000Z"
