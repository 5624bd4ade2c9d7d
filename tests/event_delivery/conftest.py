from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from activities.event_delivery import delivery_run, watch
from activities.event_delivery.connecting import NameLookups
from domain.common import contexts
from harness.waiting import PATIENCE
from stores.common.database import Database
from stores.migration import migrate
from tests.event_delivery.delivering import Delivering


@pytest.fixture
def names() -> Iterator[NameLookups]:
    with ThreadPoolExecutor(1) as pool:
        yield NameLookups(pool)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/events.db"
    await migrate(contexts.EVENT_DELIVERY, url)
    database = Database(url, deadline_seconds=PATIENCE)
    yield database
    await database.dispose()


@pytest.fixture
def delivering(database: Database, names: NameLookups, monkeypatch: pytest.MonkeyPatch) -> Delivering:
    for module in (delivery_run, watch):
        monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    return Delivering(database, names)
