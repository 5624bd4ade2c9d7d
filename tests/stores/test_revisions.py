"""A release reports a store as ready only if its tables are as new as needed."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import column, table
from structlog.testing import capture_logs

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from stores.common.revisions import Schema, history, newest, version_table
from stores.installation.installations import InstallationStore
from stores.migration import METADATA, alembic_config, migrate
from tests.databases import Servers
from tests.stores.conftest import OpenDatabase, fresh

CONTEXT = contexts.INSTALLATION


@pytest.fixture
def url(kind: str, servers: Servers, tmp_path: Path) -> str:
    return fresh(kind, servers, tmp_path)


async def test_a_store_is_up_once_its_tables_are_new_enough(url: str, open_database: OpenDatabase) -> None:
    await migrate(CONTEXT, url, history(CONTEXT)[0])
    schema = Schema(CONTEXT, open_database(url))
    with capture_logs() as logged:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="0001"):
                await schema.check()
    assert [(entry["revision"], entry["needed"]) for entry in logged] == [("0001", newest(CONTEXT))]
    await migrate(CONTEXT, url)
    await schema.check()


async def test_who_uses_tables_that_are_too_old_is_told_that_the_store_is_down(
    url: str, open_database: OpenDatabase
) -> None:
    await migrate(CONTEXT, url, history(CONTEXT)[0])
    with pytest.raises(StoreUnavailable):
        await InstallationStore(open_database(url)).newest("o1")


async def test_tables_that_a_newer_release_has_added_to_are_new_enough(url: str, open_database: OpenDatabase) -> None:
    await migrate(CONTEXT, url)
    database = open_database(url)
    async with database.writing() as connection:
        revisions = table(version_table(CONTEXT), column("version_num"))
        await connection.execute(revisions.update().values(version_num="9999"))
    await Schema(CONTEXT, database).check()


async def test_a_database_with_tables_of_others_alone_is_down(url: str, open_database: OpenDatabase) -> None:
    await migrate(contexts.MANAGEMENT_CENTER, url)
    database = open_database(url)
    with pytest.raises(StoreUnavailable, match="none"):
        await Schema(CONTEXT, database).check()


@pytest.mark.parametrize("context", METADATA)
def test_the_revisions_are_one_line(context: str) -> None:
    of_alembic = [each.revision for each in ScriptDirectory.from_config(alembic_config(context)).walk_revisions()]
    assert history(context) == tuple(reversed(of_alembic))
    assert history(context) == tuple(f"{number:04}" for number in range(1, len(of_alembic) + 1))
