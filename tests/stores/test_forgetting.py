"""What a store erases or deletes is gone from its files as well, where the store is a file."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from domain.common.times import UNSET
from domain.installation import RequestInstallation
from domain.management_center.assignments import AssignEngineer
from domain.orders import Order, OrderStatus
from stores.common import sqlite
from stores.common.database import Database
from stores.installation.installations import InstallationStore
from stores.management_center.assignments import ManagementCenterStore
from stores.order_status.erasure import ErasureStore
from stores.order_status.reconciliation import ReconciliationStore
from stores.order_status.view import OrderStatusStore
from tests.databases import SQLITE
from tests.eventually import PATIENCE
from tests.stores.center import RULES
from tests.stores.conftest import Prepared

MARK = "표지-marked-홍길동"
LATER = datetime(2100, 1, 1, tzinfo=UTC)

Step = Callable[[Database], Awaitable[object]]


async def install(database: Database) -> None:
    request = RequestInstallation("o1", 1, "e1", "", MARK, MARK, MARK, region="KR-11", customer_note=MARK)
    await InstallationStore(database).request(request, UNSET)


async def assign(database: Database) -> None:
    store = ManagementCenterStore(database, RULES)
    await store.assign_engineer(AssignEngineer("o1", 1, "Seoul", by=f"customer:{MARK}"))


async def show(database: Database) -> None:
    order = Order("o1", MARK, MARK, MARK, MARK, status=OrderStatus.JOIN_COMPLETED, version=1)
    await OrderStatusStore(database).put([order])


async def erase_view(database: Database) -> None:
    store = ErasureStore(database)
    async for _ in store.erase_changes(["o1"]):
        pass
    await store.erase(["o1"])


async def forget_view(database: Database) -> None:
    store = ReconciliationStore(database)
    assert await store.forget(["o1"], LATER) == 1
    assert await store.forget_changes(LATER) == 1


FORGOTTEN: dict[str, tuple[str, Step, Step]] = {
    "installations": (contexts.INSTALLATION, install, lambda database: InstallationStore(database).erase(["o1"])),
    "assignments": (
        contexts.MANAGEMENT_CENTER,
        assign,
        lambda database: ManagementCenterStore(database, RULES).erase(["o1"]),
    ),
    "the view, erased": (contexts.ORDER_STATUS, show, erase_view),
    "the view, after its retention": (contexts.ORDER_STATUS, show, forget_view),
}


def files_with_the_mark(file: Path) -> set[str]:
    return {one.name for one in file.parent.glob(f"{file.name}*") if MARK.encode() in one.read_bytes()}


@pytest.fixture(params=FORGOTTEN.values(), ids=list(FORGOTTEN))
async def forgotten(request: pytest.FixtureRequest, prepared: Prepared, tmp_path: Path) -> tuple[Path, Step, Step]:
    context, write, forget = request.param
    url = await prepared.url(SQLITE, context, tmp_path)
    return Path(url.removeprefix("sqlite:///")), write, forget


@pytest.mark.parametrize("where", ["in the log", "in the database"])
async def test_what_is_forgotten_is_in_no_file(forgotten: tuple[Path, Step, Step], where: str) -> None:
    file, write, forget = forgotten
    database = Database(f"sqlite:///{file}", deadline_seconds=PATIENCE)
    other_process = Database(f"sqlite:///{file}", deadline_seconds=PATIENCE)
    try:
        await other_process.ping()
        await write(database)
        if where == "in the database":
            await database.discard_overwritten()
            assert files_with_the_mark(file) == {file.name}

        await forget(database)

        assert files_with_the_mark(file) == set()
    finally:
        await database.dispose()
        await other_process.dispose()


@pytest.fixture
async def read_meanwhile(prepared: Prepared, tmp_path: Path) -> AsyncIterator[tuple[str, sqlite.Connection]]:
    """A database with entries in its log, and a connection that reads the log as it was before the last of them."""
    url = await prepared.url(SQLITE, contexts.INSTALLATION, tmp_path)
    database = Database(url, deadline_seconds=PATIENCE)
    reading = await sqlite.connect(url.removeprefix("sqlite:///"), writing=False, busy_seconds=1)
    try:
        await install(database)
        await reading.execute("BEGIN")
        await reading.cursor().execute("SELECT * FROM installation")
        await install(database)
        yield url, reading
    finally:
        await reading.close()
        await database.dispose()


async def test_while_somebody_reads_the_old_log_nothing_counts_as_discarded(
    read_meanwhile: tuple[str, sqlite.Connection],
) -> None:
    url, reading = read_meanwhile
    hasty, patient = Database(url, deadline_seconds=0.5), Database(url, deadline_seconds=PATIENCE)
    try:
        with pytest.raises(StoreUnavailable):
            await hasty.discard_overwritten()

        await reading.rollback()
        await patient.discard_overwritten()
    finally:
        await hasty.dispose()
        await patient.dispose()


async def test_who_discards_waits_for_somebody_else_who_does(
    read_meanwhile: tuple[str, sqlite.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, reading = read_meanwhile
    loop, waits = asyncio.get_running_loop(), asyncio.Event()

    def sleep(seconds: float) -> None:
        loop.call_soon_threadsafe(waits.set)
        time.sleep(seconds)

    monkeypatch.setattr(sqlite, "sleep", sleep)
    databases = [Database(url, deadline_seconds=PATIENCE) for _ in range(2)]
    discarding = [asyncio.create_task(database.discard_overwritten()) for database in databases]
    waiting = asyncio.create_task(waits.wait())
    try:
        # The first of them waits for the reader, and the second one for the first.
        await asyncio.wait([*discarding, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert not any(one.done() for one in discarding)

        await reading.rollback()
        await asyncio.gather(*discarding)
    finally:
        for task in (*discarding, waiting):
            task.cancel()
        for database in databases:
            await database.dispose()
