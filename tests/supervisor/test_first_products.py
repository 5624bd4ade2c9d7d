"""The first products are added once, where `make run` has made the directory and the database, and nowhere else."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from domain.common import contexts
from harness.waiting import PATIENCE
from ops.backup import put_back, take
from runtime.settings import Settings
from stores.common.database import Database
from stores.management_center.products import Products
from stores.migration import METADATA, migrate
from supervisor.data_dir import sole_use
from supervisor.service import plan
from tests.supervisor.conftest import ENVIRONMENT, PROJECT, Start, fake


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


def adds(settings: Settings) -> bool:
    """Return whether a start would add the products."""
    return "products" in [item.name for item in plan(settings)]


def added(settings: Settings) -> list[str]:
    """Migrate the database, run the step, and return the products."""

    async def products() -> list[str]:
        database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=PATIENCE)
        page = await Products(database).products()
        await database.dispose()
        return [product.product_id for product in page.items]

    asyncio.run(migrate(contexts.MANAGEMENT_CENTER, settings.database_url(contexts.MANAGEMENT_CENTER)))
    command = [sys.executable, "-m", "ops.first_products"]
    environment = ENVIRONMENT | {"DATA_DIR": str(settings.data_dir)}
    if url := settings.management_center_database_url:
        environment |= {"MANAGEMENT_CENTER_DATABASE_URL": url}
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return asyncio.run(products())


@pytest.mark.usefixtures("processes")
def test_they_are_added_once_and_after_a_start_that_failed_as_well(settings: Settings) -> None:
    assert adds(settings)
    for _ in range(2):
        with sole_use(settings.data_dir):
            assert adds(settings)

    assert added(settings) == ["2001", "2002"]
    assert not adds(settings)


@pytest.mark.usefixtures("processes")
def test_what_was_removed_stays_removed(settings: Settings) -> None:
    async def remove() -> None:
        database = Database(settings.database_url(contexts.MANAGEMENT_CENTER), deadline_seconds=PATIENCE)
        await Products(database).retire_product("2002")
        await database.dispose()

    with sole_use(settings.data_dir):
        added(settings)
    asyncio.run(remove())
    with sole_use(settings.data_dir):
        assert added(settings) == ["2001"]


@pytest.mark.usefixtures("processes")
def test_a_directory_that_was_there_before_gets_none(settings: Settings) -> None:
    settings.data_dir.mkdir()
    with sole_use(settings.data_dir):
        assert not adds(settings)
        assert added(settings) == []


@pytest.mark.usefixtures("processes")
def test_a_database_that_is_named_gets_none(settings: Settings, tmp_path: Path) -> None:
    elsewhere = Settings(data_dir=settings.data_dir, management_center_database_url=f"sqlite:///{tmp_path}/own.db")
    with sole_use(elsewhere.data_dir):
        assert not adds(elsewhere)
        assert added(elsewhere) == []


def test_a_backup_that_was_restored_gets_none(settings: Settings, tmp_path: Path) -> None:
    settings.temporal_address = "elsewhere:7233"
    for context in METADATA:
        asyncio.run(migrate(context, settings.database_url(context)))
    take(settings, tmp_path / "copy")
    restored = settings.model_copy(update={"data_dir": tmp_path / "other"})
    put_back(restored, tmp_path / "copy")

    assert not adds(restored)


def test_a_start_that_fails_leaves_the_directory_as_new_as_it_was(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        copy = start(one=fake(port=other.getsockname()[1]))
        assert copy.ended() == 1
    assert copy.data_dir.exists()
    assert adds(Settings(data_dir=copy.data_dir))
