"""An API for each test, with databases of its own on the session's Temporal server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness import ports
from runtime.settings import Settings
from tests.api import patience
from tests.api.issuer import Issuer
from tests.api.service import Service, copy_databases, migrate_all, serving
from tests.days import today


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use long deadlines, because a busy machine is not an outage."""
    for module, name in patience.ALL:
        # What was set for a whole module stays, and what the test changes is put right again after it.
        monkeypatch.setattr(module, name, getattr(module, name))
    patience.wait_long(patience.SERVERS)


@pytest.fixture(autouse=True)
def one_day() -> None:
    """Let each test have a day of its own."""
    today.cache_clear()


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """An issuer of tokens with one key."""
    return Issuer(tmp_path / "keys.json")


@pytest.fixture
def impatient(patient: None) -> None:
    """Use the deadlines of production, for tests in which a server does not answer."""
    patience.wait_as_in_production(patience.SERVERS)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated databases, from which the tests' databases are copied."""
    data_dir = tmp_path_factory.mktemp("migrated")
    asyncio.run(migrate_all(Settings(data_dir=data_dir)))
    return data_dir


@pytest.fixture
def settings(temporal_address: str, migrated: Path, tmp_path: Path) -> Settings:
    """Settings with databases of the test's own, and without holidays, so that a test is the same on every day."""
    copy_databases(migrated, tmp_path)
    port = int(temporal_address.rpartition(":")[2])
    return Settings(
        data_dir=tmp_path,
        temporal_address=None,
        temporal_port=port,
        order_retry_at_most_every=0.05,
        holidays="none",
    )


@pytest.fixture
def without_temporal(migrated: Path, tmp_path: Path) -> Settings:
    """The same settings without Temporal, for modules whose tests need no server."""
    copy_databases(migrated, tmp_path)
    return Settings(data_dir=tmp_path, temporal_address=None, temporal_port=1, holidays="none")


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The API; no worker runs yet."""
    async with serving(settings) as service:
        yield service


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    return ports.free_port()
