"""The audit chain, and tampering with it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from domain.audit import AuditFilter, AuditRecord, BrokenChain, Head
from domain.common import contexts
from stores.audit import trail as audit
from stores.audit.tables import AUDIT_ENTRY, AUDIT_HEAD
from stores.audit.trail import AuditStore
from stores.common.database import Database
from tests.stores.conftest import Connect

NOON = datetime(2026, 7, 1, 12, 0, 0, 123456, UTC)


@pytest.fixture
def context() -> str:
    return contexts.AUDIT


@pytest.fixture
def store(database: Database) -> AuditStore:
    return AuditStore(database)


def acts(*numbers: int, **changes: Any) -> list[AuditRecord]:
    return [
        AuditRecord(
            **{
                "act_id": f"a{number}",
                "at": NOON + timedelta(minutes=number),
                "actor": "manager:김하나",
                "address": "2001:db8::1",
                "act": "POST /orders",
                "target": f"o{number}",
                "outcome": 201,
                **changes,
            }
        )
        for number in numbers
    ]


async def test_every_entry_is_found_as_it_was_written(store: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "CHECKED_AT_ONCE", 2)
    assert await store.verify() == Head(0, "")
    await store.append(acts(1, 2))
    noted = await store.append(acts(3, target=None))
    head = await store.append(acts(4, 5))

    page = await store.list(AuditFilter(), 3)
    rest = await store.list(AuditFilter(), 3, page.next_cursor)

    assert [entry.sequence for entry in (*page.items, *rest.items)] == [5, 4, 3, 2, 1]
    assert page.items[2].act == acts(3, target=None)[0]
    assert await store.verify(noted) == head
    assert head.sequence == 5


async def test_a_batch_that_is_written_again_counts_once(store: AuditStore) -> None:
    await store.append(acts(1, 2))
    head = await store.append(acts(1, 2, 3))

    assert await store.verify() == head
    assert head.sequence == 3


async def test_processes_that_write_at_once_make_one_chain(connect: Connect) -> None:
    stores = [AuditStore(connect()) for _ in range(3)]
    await asyncio.gather(*(stores[number % 3].append(acts(number)) for number in range(12)))

    assert (await stores[0].verify()).sequence == 12


async def test_entries_are_found_by_what_they_say(store: AuditStore) -> None:
    await store.append([*acts(1), *acts(2, actor="customer:1", outcome=409), *acts(3, target="o1")])

    async def found(**wanted: Any) -> list[str]:
        return [entry.act.act_id for entry in (await store.list(AuditFilter(**wanted), 10)).items]

    assert await found(actor="customer:1") == ["a2"]
    assert await found(target="o1") == ["a3", "a1"]
    assert await found(outcome=409) == ["a2"]
    assert await found(since=NOON + timedelta(minutes=2), before=NOON + timedelta(minutes=3)) == ["a2"]
    assert await found(actor="customer:1", outcome=201) == []


ENTRY = AUDIT_ENTRY.c


def forged(sequence: int) -> Any:
    """Return the statement that adds an entry of a forger."""
    (record,) = acts(sequence, actor="manager:lee")
    return insert(AUDIT_ENTRY).values({**vars(record), "act_id": f"forged{sequence}", "sequence": sequence, "hash": ""})


TAMPERED: dict[str, tuple[list[Any], int]] = {
    "altered": ([update(AUDIT_ENTRY).where(ENTRY.sequence == 3).values(actor="manager:lee")], 3),
    "altered in time": ([update(AUDIT_ENTRY).where(ENTRY.sequence == 1).values(at=NOON)], 1),
    "its hash altered": ([update(AUDIT_ENTRY).where(ENTRY.sequence == 2).values(hash="0" * 64)], 2),
    "removed": ([delete(AUDIT_ENTRY).where(ENTRY.sequence == 3)], 3),
    "removed and closed up": (
        [
            delete(AUDIT_ENTRY).where(ENTRY.sequence == 3),
            update(AUDIT_ENTRY).where(ENTRY.sequence == 4).values(sequence=3),
            update(AUDIT_HEAD).values(sequence=3),
        ],
        3,
    ),
    "the first removed": ([delete(AUDIT_ENTRY).where(ENTRY.sequence == 1)], 1),
    "reordered": (
        [
            update(AUDIT_ENTRY).where(ENTRY.sequence == before).values(sequence=after)
            for before, after in ((2, 9), (3, 2), (9, 3))
        ],
        2,
    ),
    "truncated": ([delete(AUDIT_ENTRY).where(ENTRY.sequence >= 3)], 3),
    "emptied": ([delete(AUDIT_ENTRY)], 1),
    "the head moved back": ([update(AUDIT_HEAD).values(sequence=2)], 2),
    "the head removed": ([delete(AUDIT_HEAD)], 0),
    "added behind the head": ([forged(5)], 5),
    "added far behind the head": ([forged(9)], 5),
    "added before the first": ([forged(0)], 0),
    "added with a negative number": ([forged(-7)], -7),
}
OUTSIDE = [how for how in TAMPERED if how.startswith("added")]


@pytest.mark.parametrize("how", TAMPERED)
async def test_tampering_shows(store: AuditStore, database: Database, how: str) -> None:
    await store.append(acts(1, 2, 3, 4))
    statements, first_broken = TAMPERED[how]
    async with database.writing() as connection:
        for statement in statements:
            await connection.execute(statement)

    with pytest.raises(BrokenChain) as broken:
        await store.verify()
    assert broken.value.sequence == first_broken


@pytest.mark.parametrize("how", OUTSIDE)
async def test_entries_outside_of_the_chain_are_not_listed_and_let_nothing_be_appended(
    store: AuditStore, database: Database, how: str
) -> None:
    await store.append(acts(1, 2, 3, 4))
    ([statement], first_broken) = TAMPERED[how]
    async with database.writing() as connection:
        await connection.execute(statement)

    assert [entry.sequence for entry in (await store.list(AuditFilter(), 10)).items] == [4, 3, 2, 1]
    assert (await store.list(AuditFilter(actor="manager:lee"), 10)).items == []
    with pytest.raises(BrokenChain) as broken:
        await store.append(acts(5))
    assert broken.value.sequence == first_broken


async def test_every_head_that_was_noted_has_to_be_on_the_chain(store: AuditStore) -> None:
    noted = [await store.append(acts(number)) for number in (1, 2, 3)]

    assert await store.verify(*noted) == noted[-1]
    with pytest.raises(BrokenChain) as broken:
        await store.verify(noted[0], Head(2, "0" * 64), noted[2])
    assert broken.value.sequence == 2
    with pytest.raises(BrokenChain) as broken:
        await store.verify(*noted, Head(7, "0" * 64))
    assert broken.value.sequence == 4


async def test_a_chain_that_was_cut_or_forged_with_its_head_lacks_the_head_that_was_noted(
    store: AuditStore, database: Database
) -> None:
    before = await store.append(acts(1))
    noted = await store.append(acts(2))
    async with database.writing() as connection:
        await connection.execute(delete(AUDIT_ENTRY).where(ENTRY.sequence == 2))
        await connection.execute(update(AUDIT_HEAD).values(sequence=1, hash=before.hash))

    assert await store.verify() == before
    with pytest.raises(BrokenChain):
        await store.verify(noted)
    await store.append(acts(3))
    with pytest.raises(BrokenChain) as broken:
        await store.verify(noted)
    assert broken.value.sequence == 2
