"""A backup is complete or absent, and is restored only to an empty place where nothing runs."""

import asyncio
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.common import contexts
from domain.event_delivery.relay import AppendEvents, OutboxEvent
from harness.waiting import PATIENCE
from ops.audit_verify import verify
from ops.backup import parts, put_back, take
from ops.renumber_events import renumber
from runtime import access_log_key, tracking_keys
from runtime.key_rings import make_file
from runtime.payload_keys import read_file
from runtime.settings import Settings
from stores.common.database import Database
from stores.common.dumps import DumpFailure, Finish, dump
from stores.event_delivery.log import EventLog
from stores.migration import METADATA, migrate
from stores.order_status.outbox import OutboxStore
from supervisor.data_dir import sole_use
from supervisor.part import Failure
from supervisor.temporal import database_file


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a used installation. A file represents Temporal's data."""
    made = Settings(
        data_dir=tmp_path / "var", temporal_address=None, payload_keys=None, access_log_key=None, tracking_keys=None
    )
    for context in METADATA:
        asyncio.run(migrate(context, made.database_url(context)))
    with closing(sqlite3.connect(database_file(made))) as temporal, temporal:
        temporal.execute("CREATE TABLE namespaces (name)")
        temporal.execute("INSERT INTO namespaces VALUES ('default')")
    return made


def test_temporal_is_copied_before_what_it_relies_on_and_the_view_after_that(settings: Settings) -> None:
    assert [part.file for part in parts(settings)] == [
        *("temporal.sqlite", "management-center.sqlite", "installation.sqlite", "event-delivery.sqlite"),
        *("order-status.sqlite", "audit.sqlite"),
    ]
    elsewhere = settings.model_copy(update={"temporal_address": "temporal:7233"})
    assert "temporal.sqlite" not in [part.file for part in parts(elsewhere)]


def test_the_view_is_begun_when_what_it_comes_after_is_complete(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal: list[str] = []

    @contextmanager
    def noted(url: str, tables: Sequence[str], to: Path) -> Iterator[Finish]:
        journal.append(f"{to.stem} begun")
        with dump(url, tables, to) as finish:

            def complete() -> None:
                finish()
                journal.append(f"{to.stem} complete")

            yield complete

    monkeypatch.setattr("ops.backup.dump", noted)
    take(settings, tmp_path / "copy")
    first = "temporal", "management-center", "installation", "event-delivery"
    last = "order-status", "audit"
    assert journal == [f"{part} {what}" for stage in (first, last) for what in ("begun", "complete") for part in stage]


def test_what_was_taken_is_put_back(settings: Settings, tmp_path: Path) -> None:
    make_file(settings.payload_keys_file)
    access_log_key.make_file(settings.access_log_key_file)
    key = access_log_key.read_file(settings.access_log_key_file)
    make_file(settings.tracking_keys_file)
    take(settings, tmp_path / "copy")
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "other"})
    put_back(elsewhere, tmp_path / "copy")
    assert read_file(tmp_path / "other" / "payload_keys") == read_file(settings.payload_keys_file)
    assert (tmp_path / "other" / "payload_keys").stat().st_mode & 0o077 == 0
    assert access_log_key.read_file(tmp_path / "other" / "access_log_key") == key
    assert tracking_keys.read_file(tmp_path / "other" / "tracking_keys") is not None
    with closing(sqlite3.connect(database_file(elsewhere))) as temporal:
        assert temporal.execute("SELECT name FROM namespaces").fetchall() == [("default",)]
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


@pytest.fixture
def lax_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_nobody_else_reads_what_is_made_by_hand(settings: Settings, tmp_path: Path) -> None:
    make_file(settings.payload_keys_file)
    take(settings, tmp_path / "copy")
    (tmp_path / "copy" / "payload_keys").chmod(0o644)  # as by an archive that keeps no modes
    restored = settings.model_copy(update={"data_dir": tmp_path / "other"})
    put_back(restored, tmp_path / "copy")
    verified = settings.model_copy(update={"data_dir": tmp_path / "third"})
    asyncio.run(migrate(contexts.AUDIT, verified.database_url(contexts.AUDIT)))
    assert asyncio.run(verify(verified.database_url(contexts.AUDIT), ())) == 0

    made = {path for name in ("var", "copy", "other", "third") for path in (tmp_path / name).rglob("*")}
    places = {tmp_path / name for name in ("var", "copy", "other", "third")}
    # The test itself has made Temporal's file.
    assert {path for path in made | places if path.stat().st_mode & 0o077} <= {
        database_file(settings),
        tmp_path / "copy" / "payload_keys",
    }


def test_a_backup_that_fails_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    Path(settings.database_url(contexts.ORDER_STATUS).removeprefix("sqlite:///")).unlink()
    with pytest.raises(DumpFailure, match="order-status"):
        take(settings, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [tmp_path / "var"]


def test_nothing_is_put_over_data(settings: Settings, tmp_path: Path) -> None:
    take(settings, tmp_path / "copy")
    database_file(settings).unlink()
    with pytest.raises(Failure, match=r"management-center\.sqlite"):
        put_back(settings, tmp_path / "copy")
    assert not database_file(settings).exists()


def test_nothing_is_put_under_a_service_that_runs(settings: Settings, tmp_path: Path) -> None:
    take(settings, tmp_path / "copy")
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "other"})
    with sole_use(elsewhere.data_dir), pytest.raises(Failure, match="runs on"):
        put_back(elsewhere, tmp_path / "copy")


def test_what_is_no_backup_or_another_one_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not a backup"):
        put_back(settings, tmp_path / "nothing")
    take(settings, tmp_path / "copy")
    with pytest.raises(Failure, match=r"temporal\.sqlite"):
        put_back(settings.model_copy(update={"temporal_address": "temporal:7233"}), tmp_path / "copy")


OUTBOX = OutboxEvent("e1", "o1", 0, "JoinOrdered", datetime(2026, 11, 28, tzinfo=UTC), {})


async def with_log(settings: Settings, *numbers: int) -> Sequence[int]:
    """Append so many events to the log. Returns how far the log and the outbox have numbered."""
    async with closing_database(settings, contexts.EVENT_DELIVERY) as database:
        log = EventLog(database)
        position = await log.position(contexts.ORDER_STATUS)
        events = [replace(OUTBOX, event_id=f"e{number}") for number in numbers]
        await log.append(AppendEvents(contexts.ORDER_STATUS, position, events, position + len(events)))
        last = await log.last()
    async with closing_database(settings, contexts.ORDER_STATUS) as database:
        return last, await OutboxStore(database).last()


@asynccontextmanager
async def closing_database(settings: Settings, context: str) -> AsyncIterator[Database]:
    database = Database(settings.database_url(context), deadline_seconds=PATIENCE)
    try:
        yield database
    finally:
        await database.dispose()


def test_after_a_restore_events_get_numbers_that_nobody_has_seen(settings: Settings, tmp_path: Path) -> None:
    asyncio.run(with_log(settings, 1, 2))
    take(settings, tmp_path / "copy")
    # What comes after the backup is lost, but not its numbers.
    log_before, outbox_before = asyncio.run(with_log(settings, 3, 4, 5))
    restored = settings.model_copy(update={"data_dir": tmp_path / "other"})

    put_back(restored, tmp_path / "copy")

    log_now, outbox_now = asyncio.run(with_log(restored, 6))
    assert log_now > log_before + 1
    assert outbox_now > outbox_before


def test_numbering_anew_needs_no_event(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "var", temporal_address=None)
    asyncio.run(renumber(settings))
    assert not settings.data_dir.exists()

    asyncio.run(migrate(contexts.ORDER_STATUS, settings.database_url(contexts.ORDER_STATUS), "0003"))
    asyncio.run(renumber(settings))


def test_a_backup_of_the_release_before_is_restored_without_the_log(settings: Settings, tmp_path: Path) -> None:
    take(settings, tmp_path / "copy")
    manifest = tmp_path / "copy" / "backup.json"
    of_before = json.loads(manifest.read_text())
    of_before["files"].remove("event-delivery.sqlite")
    manifest.write_text(json.dumps(of_before))
    (tmp_path / "copy" / "event-delivery.sqlite").unlink()
    restored = settings.model_copy(update={"data_dir": tmp_path / "other"})

    put_back(restored, tmp_path / "copy")

    assert {path.name for path in (tmp_path / "other").glob("*.db")} >= {"installation.db", "order-status.db"}
    assert not (tmp_path / "other" / "event-delivery.db").exists()
