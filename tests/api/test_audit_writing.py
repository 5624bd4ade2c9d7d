"""Audit entries are written once each, whatever the store does, until the process ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest
from prometheus_client import CollectorRegistry

from api.audit.trail import AuditTrail
from api.http import write_behind as batches
from domain.audit import AuditFilter, AuditRecord, BrokenChain, Head
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.settings import Settings
from stores.audit.heads import HeadsFile
from stores.audit.trail import AuditStore
from stores.common.database import Database
from tests.eventually import PATIENCE, soon

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def act(number: int) -> AuditRecord:
    return AuditRecord(
        f"a{number}", NOON + timedelta(minutes=number), "manager:PERSONAL", "192.0.2.1", "x", "PERSONAL", 201
    )


class Unsteady(AuditStore):
    """An audit store that fails as a test has set."""

    down = False
    silent = 0
    """The number of following writes whose answer is lost."""
    refuses: frozenset[str] | None = frozenset()
    """Actions that it refuses; None: all."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.batches: list[int] = []
        """The number of records in each call."""

    async def append(self, acts: Sequence[AuditRecord]) -> Head:
        self.batches.append(len(acts))
        if self.down:
            raise StoreUnavailable("down")
        if self.refuses is None or self.refuses & {act.act_id for act in acts}:
            raise ValueError("PERSONAL")
        head = await super().append(acts)
        if self.silent:
            self.silent -= 1
            raise StoreUnavailable("no answer")
        return head


class Trail:
    """An audit trail that writes to a store on SQLite."""

    def __init__(self, database: Database) -> None:
        self.store = Unsteady(database)
        self.registry = CollectorRegistry()
        self.trail = AuditTrail(self.store, self.registry)
        self._running = asyncio.create_task(self.trail.run())

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.trail.add(act(number))

    async def stop(self) -> None:
        self.trail.stop()
        await self._running

    async def called(self, times: int) -> None:
        """Wait for so many further calls of the store."""
        before = len(self.store.batches)

        async def enough() -> bool:
            return len(self.store.batches) >= before + times

        await soon(enough, what="the store is called")

    async def written(self) -> list[str]:
        """Return the actions in the store."""
        found = (await self.store.list(AuditFilter(), 1000)).items
        return [entry.act.act_id for entry in found][::-1]

    async def until(self, *numbers: int) -> None:
        """Wait until exactly these are written, in this order."""

        async def as_wanted() -> bool:
            return await self.written() == [f"a{number}" for number in numbers]

        await soon(as_wanted, what="what was noted is written")

    async def until_waiting(self, number: int) -> None:
        """Wait until so many entries wait. One that is written waits for a moment more, until its writer knows that."""

        async def as_many() -> bool:
            return self.sample("audit_entries_waiting") == number

        await soon(as_many, what=f"{number} entries wait")

    async def until_nothing_waits(self) -> list[str]:
        """Wait until no entry waits. Returns what is written in an intact chain."""
        await self.until_waiting(0)
        found = await self.written()
        assert (await self.store.verify()).sequence == len(found)
        return found

    def sample(self, name: str) -> float | None:
        return self.registry.get_sample_value(name)


@pytest.fixture
async def trail(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trail]:
    for name in ("GATHER_FOR", "PAUSE", "END_WITHIN"):
        monkeypatch.setattr(batches, name, 0.01)
    database = Database(settings.database_url(contexts.AUDIT), deadline_seconds=PATIENCE)
    trail = Trail(database)
    yield trail
    await trail.stop()
    await database.dispose()


def test_what_is_promised_of_how_much_and_how_long() -> None:
    assert batches.MOST_WAITING == 10_000
    assert batches.GATHER_FOR < 0.5


async def test_an_entry_whose_writing_was_not_confirmed_is_there_once(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    trail.store.silent = 3
    trail.add(1, 2, 3)
    await trail.called(2)
    trail.add(4, 5)

    assert await trail.until_nothing_waits() == ["a1", "a2", "a3", "a4", "a5"]


async def test_notes_that_keep_coming_do_not_put_off_the_writing(trail: Trail) -> None:
    number = 0
    while not trail.store.batches:
        number += 1
        trail.add(number)
        await asyncio.sleep(0)


def at_the_end_of_the_first_write(trail: Trail, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    append = trail.store.append

    async def then_act(acts: Sequence[AuditRecord]) -> Head:
        head = await append(acts)
        monkeypatch.setattr(trail.store, "append", append)
        act()
        return head

    monkeypatch.setattr(trail.store, "append", then_act)
    trail.add(1)


async def test_what_comes_while_a_batch_is_written_is_gathered(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_come() -> None:
        trail.add(2)
        asyncio.get_running_loop().call_soon(trail.add, 3)

    at_the_end_of_the_first_write(trail, monkeypatch, two_come)

    await trail.until(1, 2, 3)
    assert trail.store.batches == [1, 2]


async def test_what_came_long_ago_is_not_gathered_anew(trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_comes_and_time_passes() -> None:
        monkeypatch.setattr(batches, "GATHER_FOR", 10_000)
        trail.add(2)
        later = monotonic() + 20_000
        monkeypatch.setattr(batches, "monotonic", lambda: later)

    at_the_end_of_the_first_write(trail, monkeypatch, one_comes_and_time_passes)

    await trail.until(1, 2)


async def test_an_entry_that_is_refused_holds_nothing_up_and_is_not_given_up(trail: Trail) -> None:
    trail.store.refuses = frozenset({"a1", "a3"})
    trail.add(1, 2, 3, 4)
    await trail.until(2, 4)
    await trail.called(4)
    trail.add(5)
    await trail.until(2, 4, 5)
    await trail.until_waiting(2)
    assert (trail.sample("audit_entries_oldest_seconds") or 0) > 60

    trail.store.refuses = frozenset()
    assert sorted(await trail.until_nothing_waits()) == ["a1", "a2", "a3", "a4", "a5"]
    assert trail.sample("audit_entries_dropped_total") == 0
    assert trail.sample("audit_entries_oldest_seconds") == 0


async def test_an_entry_that_is_refused_is_tried_again_after_a_pause_although_others_are_written(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause, pauses, timeout = 0.0123, [], asyncio.timeout

    def noting(seconds: float) -> asyncio.Timeout:
        pauses.append(seconds)
        return timeout(seconds)

    monkeypatch.setattr(batches, "PAUSE", pause)
    monkeypatch.setattr(asyncio, "timeout", noting)
    trail.store.refuses = frozenset({"a1"})
    trail.add(1, 2)
    await trail.called(3)
    await trail.called(1)

    assert pause in pauses


async def test_a_store_that_refuses_everything_loses_nothing_and_is_asked_for_little(trail: Trail) -> None:
    trail.store.refuses = None
    trail.add(*range(5))
    await trail.called(6 + 3)
    # Together, each by itself, and from then on one at a time.
    assert trail.store.batches[:9] == [5, *[1] * 8]
    assert trail.sample("audit_entries_waiting") == 5

    trail.store.refuses = frozenset()
    assert sorted(await trail.until_nothing_waits()) == [f"a{number}" for number in range(5)]
    assert trail.sample("audit_entries_dropped_total") == 0


async def test_what_cannot_be_written_before_the_process_ends_is_counted_and_logged_without_whom_it_names(
    trail: Trail, capsys: pytest.CaptureFixture[str]
) -> None:
    trail.store.down = True
    trail.add(1, 2, 3)
    await trail.called(2)

    await trail.stop()
    trail.add(4)

    assert trail.sample("audit_entries_dropped_total") == 4
    said = capsys.readouterr().out
    assert "lost" in said
    assert "number=3" in said
    assert "PERSONAL" not in said
    assert not trail.trail.reserve()


async def test_a_store_that_comes_back_while_the_process_ends_gets_what_waits(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "END_WITHIN", 60)
    trail.store.down = True
    trail.add(1, 2)
    stopping = asyncio.create_task(trail.stop())
    await trail.called(2)
    trail.store.down = False

    await stopping
    assert await trail.written() == ["a1", "a2"]
    assert trail.sample("audit_entries_dropped_total") == 0


async def test_the_process_ends_after_what_is_under_way_has_been_noted(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "END_WITHIN", 60)
    assert trail.trail.reserve()
    trail.add(1)
    stopping = asyncio.create_task(trail.stop())
    await trail.until(1)
    trail.trail.give_back()
    trail.add(2)

    await stopping
    assert await trail.written() == ["a1", "a2"]


async def test_a_chain_that_cannot_go_on_is_told_and_loses_nothing(
    trail: Trail, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append = trail.store.append

    async def broken(acts: Sequence[AuditRecord]) -> Head:
        trail.store.batches.append(len(acts))
        raise BrokenChain(1, "somebody else has added entries")

    monkeypatch.setattr(trail.store, "append", broken)
    trail.add(1, 2)
    await trail.called(3)
    assert trail.sample("audit_chain_broken") == 1
    assert capsys.readouterr().out.count("the audit chain is broken") == 1
    assert trail.store.batches[:2] == [2, 2]

    monkeypatch.setattr(trail.store, "append", append)
    assert await trail.until_nothing_waits() == ["a1", "a2"]
    assert trail.sample("audit_chain_broken") == 0
    assert trail.sample("audit_entries_dropped_total") == 0


async def test_a_file_of_heads_that_cannot_be_written_stops_nothing(trail: Trail, tmp_path: Path) -> None:
    await AuditTrail(trail.store, CollectorRegistry(), HeadsFile(tmp_path)).write([act(1)])

    assert await trail.written() == ["a1"]
