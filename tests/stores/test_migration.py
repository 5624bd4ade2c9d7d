import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, TableClause, column, inspect, table, text

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from stores.common.database import Database
from stores.common.revisions import Schema, version_table
from stores.management_center.staff import Staffing
from stores.migration import METADATA, migrate
from tests.databases import SQLITE, Servers, kinds
from tests.stores.conftest import Connect, OpenDatabase, fresh

ROOT = Path(__file__).parents[2]
SERVERS = [kind for kind in kinds() if kind != SQLITE]


@pytest.fixture(params=METADATA)
def context(request: pytest.FixtureRequest) -> str:
    context: str = request.param
    return context


def revisions(context: str) -> TableClause:
    return table(version_table(context), column("version_num"))


async def tables(database: Database) -> set[str]:
    async with database.writing() as connection:
        return set(await connection.run_sync(lambda connection: inspect(connection).get_table_names()))


async def test_the_migrations_make_the_tables_that_the_models_describe(database: Database, context: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"version_table": version_table(context), "compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA[context]))

    async with database.writing() as connection:
        assert await connection.run_sync(differences) == []
    assert await tables(database) == {*METADATA[context].tables, version_table(context)}


async def test_migrating_at_the_same_time_and_again_is_as_once(
    kind: str, context: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    url = fresh(kind, servers, tmp_path)
    await asyncio.gather(*(migrate(context, url) for _ in range(4)))
    await migrate(context, url)
    database = open_database(url)
    async with database.reading() as connection:
        assert len((await connection.execute(revisions(context).select())).all()) == 1


async def test_tables_of_a_newer_release_stay_as_they_are(database: Database, context: str, kind: str) -> None:
    """Whoever goes back to this release begins it with its migration."""
    async with database.writing() as connection:
        await connection.execute(revisions(context).update().values(version_num="9999"))
    before = await tables(database)

    await migrate(context, database.url.render_as_string(hide_password=False))

    await Schema(context, database).check()
    assert await tables(database) == before
    async with database.reading() as connection:
        assert await connection.scalar(revisions(context).select()) == "9999"


async def test_contexts_may_share_a_database(
    kind: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    url = fresh(kind, servers, tmp_path)
    await asyncio.gather(*(migrate(context, url) for context in METADATA))
    database = open_database(url)
    assert await tables(database) == {
        table for context, metadata in METADATA.items() for table in (*metadata.tables, version_table(context))
    }


@pytest.mark.parametrize("interrupted", [1, 2, 3])
async def test_a_migration_that_was_interrupted_is_taken_up_again(
    kind: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase, interrupted: int
) -> None:
    url = fresh(kind, servers, tmp_path)
    context = contexts.MANAGEMENT_CENTER
    await migrate(context, url)
    database = open_database(url)
    # As MySQL leaves it, which commits each step at once.
    undone = {
        1: ["DROP TABLE assignment"],
        2: ["DROP INDEX assignment_by_engineer" + (" ON assignment" if database.dialect == "mysql" else "")],
        3: [],
    }[interrupted]
    async with database.writing() as connection:
        for statement in (*undone, "DELETE FROM engineer", "DELETE FROM service_area"):
            await connection.execute(text(statement))
        await connection.execute(revisions(context).delete())
    await migrate(context, url)
    # SQLite tells a connection that was there before of the old tables.
    database = open_database(url)
    async with database.writing() as connection:
        indexes = await connection.run_sync(lambda connection: inspect(connection).get_indexes("assignment"))
    assert [index["name"] for index in indexes] == ["assignment_by_engineer"]
    assert len((await Staffing(database).engineers(limit=200)).items) == 51


@pytest.mark.parametrize("kind", SERVERS)
async def test_text_is_kept_whatever_it_says(connect: Connect, context: str) -> None:
    database = connect()
    async with database.reading() as connection:
        said = "한글 😀 ß e\u0301 '\"\\ %s :x"
        assert await connection.scalar(text("SELECT :said"), {"said": said}) == said


async def test_a_database_that_is_not_there_is_no_place_to_migrate() -> None:
    with pytest.raises(StoreUnavailable):
        await migrate(contexts.INSTALLATION, "postgresql://nobody@127.0.0.1:1/nothing")


def command(environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "stores.migration"],
        cwd=ROOT,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.usefixtures("processes")
async def test_processes_may_migrate_every_context_at_the_same_time(
    kind: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    directory = tmp_path / "100% data dir"
    urls = {
        context: f"sqlite:///{directory}/{context}.db" if kind == SQLITE else servers[kind].fresh()
        for context in METADATA
    }
    named = {f"{context.upper().replace('-', '_')}_DATABASE_URL": url for context, url in urls.items()}
    environment = {"DATA_DIR": str(directory)} if kind == SQLITE else named
    processes = [command(environment) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    for context, url in urls.items():
        database = open_database(url)
        async with database.reading() as connection:
            assert len((await connection.execute(revisions(context).select())).all()) == 1


@pytest.mark.usefixtures("processes")
def test_the_command_says_which_context_has_no_database(tmp_path: Path) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    process = command({"DATA_DIR": str(tmp_path), "INSTALLATION_DATABASE_URL": url})
    _, said = process.communicate()
    assert process.returncode == os.EX_TEMPFAIL
    assert said == "installation: postgresql does not answer: OperationalError\n"
    assert (tmp_path / "order-status.db").exists()
