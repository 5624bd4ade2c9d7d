"""A copy of a store's tables, made while others write, restores the same store elsewhere."""

from pathlib import Path

import pytest
from sqlalchemy import text

from domain.common import contexts
from domain.installation import CancelInstallation, InstallationStatus
from stores.common.dumps import DumpFailure, dump, is_empty, restore
from stores.common.revisions import Schema, version_table
from stores.installation.installations import InstallationStore
from stores.migration import METADATA, migrate
from tests.databases import SQLITE, Servers
from tests.stores.conftest import OpenDatabase, fresh
from tests.stores.orders import NOON

CONTEXT = contexts.INSTALLATION
TABLES = [*METADATA[CONTEXT].tables, version_table(CONTEXT)]


async def test_a_copy_is_put_where_no_tables_are(
    kind: str, servers: Servers, tmp_path: Path, open_database: OpenDatabase
) -> None:
    url, elsewhere, dumped = fresh(kind, servers, tmp_path), fresh(kind, servers, tmp_path / "other"), tmp_path / "copy"
    await migrate(CONTEXT, url)
    await migrate(contexts.MANAGEMENT_CENTER, url)
    store = InstallationStore(open_database(url))
    asked = CancelInstallation("o1", installation_address="서울 😀 '\"\\ %s", reason="a\nb")
    await store.cancel(asked, NOON)
    with dump(url, TABLES, dumped) as finish:
        if kind == SQLITE:
            # The programs of the others may not have begun yet.
            await store.cancel(CancelInstallation("o2"), NOON)
        finish()

    assert await is_empty(elsewhere, TABLES)
    restore(elsewhere, dumped)
    assert not await is_empty(elsewhere, TABLES)
    if kind != SQLITE:
        assert await is_empty(elsewhere, [*METADATA[contexts.MANAGEMENT_CENTER].tables])
    restored = open_database(elsewhere)
    await Schema(CONTEXT, restored).check()
    again = InstallationStore(restored)
    assert await again.newest("o1") == await store.newest("o1")
    async with restored.reading() as connection:
        assert list(await connection.scalars(text("SELECT order_id FROM installation_order"))) == ["o1"]
    await again.cancel(asked, NOON)
    assert (await again.newest("o1")).status is InstallationStatus.CANCELED


def test_a_database_that_is_not_there_cannot_be_copied(kind: str, servers: Servers, tmp_path: Path) -> None:
    url = fresh(kind, servers, tmp_path)
    with pytest.raises(DumpFailure), dump(url, TABLES, tmp_path / "copy") as finish:
        finish()
