"""The access log's store: entries by person, actor and time, what each actor has read, and their removal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.audit import AccessEntry, AccessFilter, Reader
from domain.common import contexts
from stores.audit import access_log
from stores.audit.access_log import AccessLogStore
from stores.audit.tables import ACCESS_PERSON
from stores.common.database import Database
from tests.stores.statements import statements

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, UTC)
DAY = timedelta(days=1)


@pytest.fixture
def context() -> str:
    return contexts.AUDIT


@pytest.fixture
def store(database: Database) -> AccessLogStore:
    return AccessLogStore(database)


def person(number: int) -> str:
    return f"{number:064x}"


def read(number: int, *persons: int, **changes: Any) -> AccessEntry:
    members: dict[str, Any] = {
        "at": NOON + timedelta(minutes=number),
        "actor": "manager:김하나",
        "address": "2001:db8::1",
        "route": "GET /orderStatuses",
        "filters": ("q", "status"),
        "people": len(persons),
        "persons": tuple(person(each) for each in persons),
    }
    return AccessEntry(f"e{number}", **members | changes)


async def found(store: AccessLogStore, **wanted: Any) -> list[str]:
    return [entry.entry_id for entry in (await store.list(AccessFilter(**wanted), 10)).items]


async def test_entries_are_found_by_whom_they_showed_who_looked_and_when(store: AccessLogStore) -> None:
    await store.add([read(1, 7, 8), read(2, 8, actor="engineer:e1"), read(3, 7), read(4, workflows=("order-1",))])

    assert await found(store) == ["e4", "e3", "e2", "e1"]
    assert await found(store, person=person(7)) == ["e3", "e1"]
    assert await found(store, person=person(9)) == []
    assert await found(store, actor="engineer:e1") == ["e2"]
    assert await found(store, person=person(8), actor="manager:김하나") == ["e1"]
    span = {"since": NOON + timedelta(minutes=1), "before": NOON + timedelta(minutes=3)}
    assert await found(store, **span) == ["e2", "e1"]
    assert await found(store, **span, person=person(7)) == ["e1"]
    (entry,) = (await store.list(AccessFilter(actor="engineer:e1"), 10)).items
    assert entry == read(2, 8, actor="engineer:e1", persons=())
    assert (await store.list(AccessFilter(), 1)).items[0].workflows == ("order-1",)


@pytest.mark.parametrize("wanted", [AccessFilter(), AccessFilter(person=person(7))])
async def test_pages_follow_one_another(store: AccessLogStore, wanted: AccessFilter) -> None:
    await store.add([read(number, 7) for number in range(5)])
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor:
        page = await store.list(wanted, 2, cursor)
        pages.append([entry.entry_id for entry in page.items])
        cursor = page.next_cursor

    assert pages == [["e4", "e3"], ["e2", "e1"], ["e0"]]


async def test_a_batch_that_is_written_again_counts_once(store: AccessLogStore) -> None:
    await store.add([read(1, 7)])
    await store.add([read(1, 7), read(2, 7)])
    await store.add([read(1, 7), read(2, 7)])

    assert await store.readers(NOON, NOON + DAY) == [Reader("manager:김하나", 2, 1)]


async def test_a_batch_is_looked_up_only_after_a_conflict(store: AccessLogStore) -> None:
    with statements(Engine) as said:
        await store.add([read(1, 7), read(2, 7)])
    assert [each.split()[0] for each in said] == ["INSERT", "INSERT"]

    with statements(Engine) as said:
        await store.add([read(2, 7), read(3, 7)])
    assert [each.split()[0] for each in said] == ["INSERT", "SELECT", "INSERT", "INSERT"]
    assert await found(store) == ["e3", "e2", "e1"]


async def test_what_each_actor_has_read_counts_people_once_and_those_without_a_name_each_time(
    store: AccessLogStore,
) -> None:
    await store.add(
        [
            read(1, 1, 2),
            read(2, 2, 3, people=12),
            read(3, 1, actor="engineer:e1"),
            read(4, actor="service:shop", people=2),
            read(5, 1, 2, 3, 4, actor="manager:lee", at=NOON - DAY),
        ]
    )
    span = NOON, NOON + DAY

    everybody = [Reader("manager:김하나", 2, 13), Reader("service:shop", 1, 2), Reader("engineer:e1", 1, 1)]
    assert await store.readers(*span) == everybody
    assert await store.readers(*span, more_than=2) == everybody[:1]
    assert await store.readers(*span, more_than=13) == []
    largest = await store.largest(*span, 2)
    assert [(entry.entry_id, entry.people) for entry in largest] == [("e2", 12), ("e4", 2)]


async def test_who_reads_of_the_same_people_again_and_again_has_not_read_of_many(store: AccessLogStore) -> None:
    await store.add([read(number, 1, 2, 3) for number in range(50)])

    assert await store.readers(NOON, NOON + DAY, more_than=3) == []


async def test_entries_expire_in_batches_with_the_people_whom_they_name(
    store: AccessLogStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.add([read(number, 1, 2) for number in range(access_log.EXPIRED_AT_ONCE + 5)])
    kept = NOON + timedelta(minutes=access_log.EXPIRED_AT_ONCE + 3)

    assert [await store.expire(kept) for _ in range(3)] == [access_log.EXPIRED_AT_ONCE, 3, 0]
    assert len(await found(store)) == 2
    assert len(await found(store, person=person(1))) == 2
    async with database.reading() as connection:
        assert len((await connection.execute(ACCESS_PERSON.select())).all()) == 4
