"""On PostgreSQL, the API's role can add to the audit, and can change and remove nothing but what has expired."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, make_url, update
from sqlalchemy.exc import ProgrammingError

from domain.audit import AccessEntry, AccessFilter, AuditFilter, AuditRecord
from domain.common import contexts
from stores.audit import grants
from stores.audit.access_log import AccessLogStore
from stores.audit.grants import WRITER
from stores.audit.tables import ACCESS_ENTRY, ACCESS_PERSON, AUDIT_ENTRY, AUDIT_HEAD
from stores.audit.trail import AuditStore
from stores.common.database import Database
from stores.common.revisions import Schema
from stores.migration import grant_audit, migrate
from tests.databases import POSTGRESQL, Servers, kinds
from tests.stores.conftest import OpenDatabase

RETENTION = 3600.0
pytestmark = pytest.mark.skipif(POSTGRESQL not in kinds(), reason="PostgreSQL is not installed")


@pytest.fixture
async def owners_url(servers: Servers) -> str:
    """The URL of a migrated database with a role for the API."""
    server = servers[POSTGRESQL]
    url = server.fresh()
    if not server.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{WRITER}'"):  # noqa: S608 - our own name
        server.ask(f"CREATE ROLE {WRITER} LOGIN")
    await migrate(contexts.AUDIT, url)
    await grant_audit(url, RETENTION)
    return url


@pytest.fixture
def writer(owners_url: str, open_database: OpenDatabase) -> Database:
    return open_database(make_url(owners_url).set(username=WRITER).render_as_string(hide_password=False))


def read(name: str, age: timedelta) -> AccessEntry:
    return AccessEntry(name, datetime.now(UTC) - age, people=1, persons=("a" * 64,))


async def test_it_writes_and_reads_the_chain_and_the_access_log(writer: Database) -> None:
    audit, log = AuditStore(writer), AccessLogStore(writer)
    for number in (1, 2):
        await audit.append([AuditRecord(f"a{number}", datetime.now(UTC), target="t")])
        await log.add([read(f"e{number}", timedelta())])

    assert (await audit.verify()).sequence == 2
    assert len((await audit.list(AuditFilter(target="t"), 10)).items) == 2
    assert len((await log.list(AccessFilter(person="a" * 64), 10)).items) == 2
    await Schema(contexts.AUDIT, writer).check()


@pytest.mark.parametrize(
    "statement",
    [
        update(AUDIT_ENTRY).values(actor="x"),
        delete(AUDIT_ENTRY),
        delete(AUDIT_HEAD),
        update(ACCESS_ENTRY).values(actor="x"),
        update(ACCESS_PERSON).values(person="x"),
    ],
    ids=str,
)
async def test_it_changes_and_removes_nothing(writer: Database, statement: object) -> None:
    await AuditStore(writer).append([AuditRecord("a1", datetime.now(UTC))])
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with writer.writing() as connection:
            await connection.execute(statement)  # type: ignore[call-overload]


async def test_it_removes_of_the_access_log_only_what_has_expired(writer: Database, owners_url: str) -> None:
    log = AccessLogStore(writer)
    await log.add([read("old", timedelta(hours=2)), read("young", timedelta(minutes=30))])

    await log.expire(datetime.now(UTC))
    assert [entry.entry_id for entry in (await log.list(AccessFilter(), 10)).items] == ["young"]
    assert [entry.entry_id for entry in (await log.list(AccessFilter(person="a" * 64), 10)).items] == ["young"]

    await grant_audit(owners_url, 60.0)
    await log.expire(datetime.now(UTC))
    assert (await log.list(AccessFilter(), 10)).items == []


async def test_without_the_role_nothing_is_granted(owners_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "WRITER", "no_such_role")

    await grant_audit(owners_url, RETENTION)
