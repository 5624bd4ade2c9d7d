"""How the access log is written: an entry for each answer, one a minute for a long one, and their removal."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Receive, Scope, Send

from api.audit import access_log, retention
from api.audit.access_log import AccessLog, AccessRecording, key_of
from api.audit.entry_ids import new_id
from api.audit.retention import AccessLogRetention
from api.codec.subjects import Subject, subject_of
from api.http import write_behind as batches
from api.security.disclosures import Disclosed, Disclosures
from domain.audit import MOST_NAMED, AccessEntry, AccessFilter
from domain.common import contexts
from domain.common.errors import StoreUnavailable
from runtime.access_log_key import AccessLogKey
from runtime.payload_keys import NoKeys
from runtime.settings import Settings
from stores.audit.access_log import AccessLogStore
from stores.common.database import Database
from tests.eventually import PATIENCE, soon

KEY = AccessLogKey(b"k" * 32)
ROUTE = SimpleNamespace(path_format="/x", dependant=SimpleNamespace(query_params=[], dependencies=[]))


class Unsteady(AccessLogStore):
    """A store that is down as long as a test says so."""

    down = False

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.at_once: list[int] = []
        """How many people each transaction names."""

    async def add(self, entries: Sequence[AccessEntry]) -> None:
        if self.down:
            raise StoreUnavailable("down")
        self.at_once.append(sum(len(entry.persons) for entry in entries))
        await super().add(entries)


@pytest.fixture
async def store(without_temporal: Settings) -> AsyncIterator[Unsteady]:
    database = Database(without_temporal.database_url(contexts.AUDIT), deadline_seconds=PATIENCE)
    yield Unsteady(database)
    await database.dispose()


@pytest.fixture
async def log(store: Unsteady, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AccessLog]:
    for name in ("GATHER_FOR", "PAUSE"):
        monkeypatch.setattr(batches, name, 0.01)
    log = AccessLog(store, KEY, CollectorRegistry())
    running = asyncio.create_task(log.run())
    yield log
    store.down = False
    log.stop()
    await running


def scope() -> Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": "/x",
        "query_string": b"",
        "headers": [],
        "client": ("192.0.2.1", 1),
        "route": ROUTE,
    }


async def people(store: AccessLogStore, number: int) -> list[int]:
    """Wait for so many entries. Returns their numbers of people, the oldest first."""

    async def enough() -> list[int] | None:
        items = (await store.list(AccessFilter(), 200)).items
        return [entry.people for entry in items[::-1]] if len(items) >= number else None

    found = await soon(enough, what=f"{number} entries")
    assert found is not None
    return found


async def test_a_long_answer_gets_an_entry_each_minute_in_which_it_shows_somebody(
    log: AccessLog, store: Unsteady, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "EACH", 0.01)
    go_on = asyncio.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        disclosures: Disclosures = scope["state"]["disclosures"]
        for customer_id in ("1", "2", "1"):
            disclosures.show(customer_id, "o")
        await go_on.wait()
        disclosures.show("3", "o")

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    answering = asyncio.create_task(AccessRecording(stream, lambda: log)(scope(), nothing, nothing))
    assert await people(store, 1) == [2]
    go_on.set()
    await answering
    assert await people(store, 2) == [2, 1]


async def test_an_answer_that_is_broken_off_is_noted_once(log: AccessLog, store: Unsteady) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["disclosures"].show("1", "o")
        raise ConnectionError

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    with pytest.raises(ConnectionError):
        await AccessRecording(broken, lambda: log)(scope(), nothing, nothing)
    assert await people(store, 1) == [1]


def disclosed(*customers: str) -> Disclosed:
    return Disclosed(customers=set(customers))


async def test_of_many_people_a_part_is_named_and_all_are_counted(log: AccessLog, store: Unsteady) -> None:
    log.record({**scope(), "state": {}}, disclosed(*map(str, range(MOST_NAMED + 5))))

    assert await people(store, 1) == [MOST_NAMED + 5]
    now = datetime.now(UTC)
    (reader,) = await store.readers(now - timedelta(hours=1), now + timedelta(hours=1))
    assert reader.people == MOST_NAMED + 5


async def test_while_too_many_names_wait_people_are_only_counted(
    log: AccessLog, store: Unsteady, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "MOST_NAMES_WAITING", 2)
    store.down = True
    for _ in range(2):
        log.record({**scope(), "state": {}}, disclosed("1", "2"))
    store.down = False
    assert await people(store, 2) == [2, 2]
    assert len((await store.list(AccessFilter(person=KEY.person("1")), 10)).items) == 1

    async def counted() -> bool:
        return not list(log.waiting())

    await soon(counted, what="the queue has counted what it has written")
    log.record({**scope(), "state": {}}, disclosed("1"))
    await people(store, 3)
    assert len((await store.list(AccessFilter(person=KEY.person("1")), 10)).items) == 2


async def test_a_transaction_holds_many_entries_but_only_so_many_people(
    log: AccessLog, store: Unsteady, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "MOST_NAMES_AT_ONCE", 5)
    for answer in (disclosed("1"), disclosed("1", "2"), disclosed("1", "2"), disclosed(*"1234567"), disclosed("1")):
        log.record({**scope(), "state": {}}, answer)

    assert await people(store, 5) == [1, 2, 2, 7, 1]
    assert store.at_once == [5, 7, 1]


def test_ids_of_entries_rise_and_none_is_given_twice() -> None:
    ids = [new_id() for _ in range(1000)]

    assert [each[:16] for each in ids] == sorted(each[:16] for each in ids)
    assert len({each[16:] for each in ids}) == len(ids)


def test_what_is_promised_of_how_much() -> None:
    assert access_log.MOST_WAITING == 100_000
    assert access_log.EACH == 60
    assert MOST_NAMED == 200


async def test_a_pass_removes_what_has_expired_and_ends(store: Unsteady, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0)
    now = datetime.now(UTC)
    await store.add([AccessEntry(f"e{age}", now - timedelta(days=age)) for age in range(5)])
    removing = AccessLogRetention(store, timedelta(days=2, hours=12))

    await removing.remove_expired()
    assert [entry.entry_id for entry in (await store.list(AccessFilter(), 10)).items] == ["e0", "e1", "e2"]

    passes = 0

    async def endless(before: datetime) -> int:
        nonlocal passes
        passes += 1
        return 1

    monkeypatch.setattr(store, "expire", endless)
    monkeypatch.setattr(retention, "MOST_BATCHES", 3)
    await removing.remove_expired()
    assert passes == 3


async def test_expired_entries_are_removed_until_the_process_ends(
    store: Unsteady, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FIRST_AFTER", 0)
    await store.add([AccessEntry("old", datetime.now(UTC) - timedelta(days=5))])
    removing = AccessLogRetention(store, timedelta(days=2))
    running = asyncio.create_task(removing.run())

    async def removed() -> bool:
        return not (await store.list(AccessFilter(), 10)).items

    await soon(removed, what="the entry is removed")
    removing.stop()
    await running


@pytest.mark.parametrize(
    ("content", "subject"),
    [
        (b'{"order": {"order_id": "o1", "customer_id": "1"}, "policy": {}}', Subject("o1", "1")),
        (b'{"order_id": "o1", "round": 2}', Subject("o1")),
        (b'{"customer_id": "1"}', Subject(customer_id="1")),
        (b'"moving house"', Subject()),
        (b"[" * 100_000, Subject()),
        (b"\xff", Subject()),
        (b'{"order_id": 7, "order": []}', Subject()),
        (b'{"order_id": "no order has this id", "customer_id": "1"}', Subject(customer_id="1")),
        (rb'{"order_id": "\ud800", "customer_id": "\ud800"}', Subject(customer_id="\ud800")),
    ],
)
def test_whom_a_payload_is_about(content: bytes, subject: Subject) -> None:
    assert subject_of(content) == subject
    assert (subject.workflow_id is not None) == bool(subject.order_id)


def test_the_key_is_made_where_the_audit_is_and_has_to_be_given_elsewhere(tmp_path: Path) -> None:
    own = Settings(data_dir=tmp_path, access_log_key=None)
    elsewhere = Settings(
        data_dir=tmp_path / "other", access_log_key=None, audit_database_url="postgresql://audit@db.example/audit"
    )

    made = key_of(own)
    assert key_of(own) == made
    assert own.access_log_key_file.stat().st_mode & 0o777 == 0o600
    assert made.person("1") != KEY.person("1") != KEY.person("2")
    with pytest.raises(NoKeys, match="ACCESS_LOG_KEY"):
        key_of(elsewhere)


@pytest.mark.parametrize("key", ["short", "c2VjcmV0", "!"])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="access_log_key") as refused:
        Settings.model_validate({"access_log_key": key})
    assert key not in str(refused.value).replace("access_log_key", "")
