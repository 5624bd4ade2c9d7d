import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.common import contexts
from domain.common.errors import StoreUnavailable
from stores.common import pool
from stores.common.database import Database, driver_url
from stores.installation.tables import INSTALLATION, INSTALLATION_ORDER
from tests.databases import POSTGRESQL, SQLITE, Servers, kinds
from tests.eventually import soon
from tests.stopwatch import stopwatch
from tests.stores.conftest import Connect, OpenDatabase
from tests.stores.using import PRIVATE, deaf, new, one_more, private, stored, warmed_up, works_again, write

DEADLINE = 1.0
SERVERS = [kind for kind in kinds() if kind != SQLITE]


@pytest.fixture
def context() -> str:
    return contexts.INSTALLATION


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///a/b.db", "sqlite+aiosqlite:///a/b.db"),
        ("sqlite+pysqlite:////a/b.db", "sqlite+aiosqlite:////a/b.db"),
        ("postgresql://u:p@h:1/d", "postgresql+psycopg://u:p@h:1/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("mysql://u:p@h:1/d", "mysql+aiomysql://u:p@h:1/d?charset=utf8mb4"),
        ("mariadb://u:p@h:1/d", "mysql+aiomysql://u:p@h:1/d?charset=utf8mb4"),
    ],
)
def test_the_url_says_which_database(url: str, driver: str) -> None:
    assert driver_url(url).render_as_string(hide_password=False) == driver


@pytest.mark.parametrize("url", ["", "orders.db", "oracle://u:secret@h/d", "sqlite://", "sqlite:///:memory:"])
def test_another_url_is_refused_without_telling_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"SQLite|database URL") as refusal:
        Database(url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    "url", ["postgresql://u@127.0.0.1:1/d", "mysql://u@127.0.0.1:1/d", "sqlite:////nowhere/at/all"]
)
async def test_a_database_that_is_not_there_is_noticed_when_it_is_used(url: str) -> None:
    database = Database(url)
    with pytest.raises(StoreUnavailable):
        await database.ping()
    with pytest.raises(StoreUnavailable):
        await write(database, text("SELECT 1"))
    await database.dispose()


async def test_a_transaction_is_committed_when_its_block_ends(database: Database) -> None:
    await write(database, new("o1"), new("o2"))
    assert await stored(database) == ["o1", "o2"]


async def test_a_transaction_whose_block_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.writing() as connection:
            await connection.execute(new("o1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await stored(database) == []


async def test_what_is_our_own_fault_is_no_outage(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await write(database, new("o1"), new("o1"))
    if database.dialect != SQLITE:
        with pytest.raises(ProgrammingError):
            async with database.reading() as connection:
                await connection.execute(text("SELEKT 1"))
    await database.ping()


async def test_work_is_done_again_when_another_inserts_the_same_row_meanwhile(connect: Connect) -> None:
    ours, theirs = connect(), connect()
    tries = 0

    async def work(connection: AsyncConnection) -> int:
        nonlocal tries
        tries += 1
        found = await connection.scalar(select(func.count()).select_from(INSTALLATION_ORDER))
        if tries == 1 and ours.dialect != SQLITE:
            await write(theirs, new("o1"))
        if not found:
            await connection.execute(new("o1"))
        return tries

    assert await ours.transact(work) == (1 if ours.dialect == SQLITE else 2)
    assert await stored(ours) == ["o1"]


async def test_work_that_fails_of_itself_is_not_done_for_ever(database: Database) -> None:
    tries = 0

    async def work(connection: AsyncConnection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(new("o1"))
        await connection.execute(new("o1"))

    with pytest.raises(IntegrityError):
        await database.transact(work)
    assert tries == 3
    assert await stored(database) == []


@pytest.mark.parametrize("kind", SERVERS)
async def test_work_that_is_given_up_to_break_a_deadlock_is_done_again(connect: Connect) -> None:
    database = connect()
    await write(database, new("o1"), new("o2"))
    both_hold_one = asyncio.Barrier(2)

    async def count_up(*orders: str) -> None:
        tries = 0

        async def work(connection: AsyncConnection) -> None:
            nonlocal tries
            tries += 1
            for order_id in orders:
                await connection.execute(one_more(order_id))
                if tries == 1 and order_id == orders[0]:
                    await both_hold_one.wait()

        await database.transact(work)

    await asyncio.gather(count_up("o1", "o2"), count_up("o2", "o1"))
    async with database.reading() as connection:
        assert list(await connection.scalars(select(INSTALLATION_ORDER.c.newest_round))) == [2, 2]


@pytest.mark.parametrize("kind", SERVERS)
async def test_many_who_stand_in_each_others_way_all_get_through(
    kind: str, url: str, open_database: OpenDatabase
) -> None:
    noticed_soon = "?options=-c%20deadlock_timeout%3D10ms" if kind == POSTGRESQL else ""
    database = open_database(url + noticed_soon)
    await write(database, new("o1"), new("o2"))

    async def count_up(*orders: str) -> None:
        async def work(connection: AsyncConnection) -> None:
            for order_id in orders:
                await connection.execute(one_more(order_id))

        await database.transact(work)

    for _ in range(3):
        await asyncio.gather(*(count_up(*orders) for orders in [("o1", "o2"), ("o2", "o1")] * 4))
    async with database.reading() as connection:
        assert list(await connection.scalars(select(INSTALLATION_ORDER.c.newest_round))) == [24, 24]


async def test_writers_of_one_process_wait_in_line(connect: Connect) -> None:
    database = connect()

    async def count_up(connection: AsyncConnection) -> None:
        statement = select(INSTALLATION_ORDER.c.newest_round).with_for_update()
        newest = await connection.scalar(statement)
        await connection.execute(INSTALLATION_ORDER.update().values(newest_round=(newest or 0) + 1))

    await write(database, new("o1"))
    await asyncio.gather(*(database.transact(count_up) for _ in range(30)))
    async with database.reading() as connection:
        assert await connection.scalar(select(INSTALLATION_ORDER.c.newest_round)) == 30


async def test_times_are_kept_to_the_microsecond_and_given_in_utc(database: Database) -> None:
    korean = datetime(2026, 7, 15, 21, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    await write(database, private("o1", korean))
    async with database.reading() as connection:
        read = await connection.scalar(select(INSTALLATION.c.requested_at))
        found = await connection.scalar(select(func.count()).where(INSTALLATION.c.requested_at == korean))
    assert (read, found) == (korean, 1)
    assert str(read) == "2026-07-15 12:00:00.123456+00:00"
    with pytest.raises(StatementError):
        await write(database, private("o2", korean.replace(tzinfo=None)))


async def test_a_silent_database_ends_each_call_within_the_deadline_and_is_used_again_when_it_speaks(
    kind: str, url: str, servers: Servers, connect: Connect
) -> None:
    warm, cold = (connect(deadline_seconds=DEADLINE, pool_size=3) for _ in range(2))
    await warmed_up(warm, connections=3)

    async def fails(database: Database) -> float:
        async with stopwatch() as watch:
            with pytest.raises(StoreUnavailable):
                await write(database, new("o1"))
            return watch.seconds

    with deaf(kind, url, servers):
        waited = await asyncio.gather(*(fails(database) for database in (warm, cold) for _ in range(5)))
        waited.append(await fails(warm))
    assert max(waited) < DEADLINE + 0.5
    await works_again(warm, "o2")
    await works_again(cold, "o3")
    assert {"o2", "o3"} <= set(await stored(connect()))


async def test_a_silent_database_is_refused_once_it_is_known_to_be_and_used_again_by_itself(
    kind: str, url: str, servers: Servers, connect: Connect
) -> None:
    database = connect(deadline_seconds=DEADLINE, pool_size=3)

    async def refused() -> bool:
        with pytest.raises((TimeoutError, StoreUnavailable)):
            # Whoever uses it may well have less patience than it has.
            async with asyncio.timeout(DEADLINE / 4):
                await write(database, new("o1"))
        return database.refusing()

    async def well() -> bool:
        return not database.refusing()

    with deaf(kind, url, servers):
        await soon(refused, what="it is known to be silent")
        with pytest.raises(StoreUnavailable, match="not used until it does"):
            await write(database, new("o1"))
    await soon(well, what="it is known to be well, without being used")
    await works_again(database, "o2")


async def test_who_gets_no_turn_in_time_is_told_and_the_database_is_not_suspected(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_IN_LINE", 0.01)  # of the deadline, within which the outer use has to end
    database = connect(name="installation", pool_size=1)
    await warmed_up(database)
    async with database.writing():
        with pytest.raises(StoreUnavailable, match=rf"^installation \({database.dialect}\) is overloaded"):
            await write(database, new("o1"))
    assert not database.refusing()
    await write(database, new("o1"))


@pytest.mark.parametrize("kind", [SQLITE])
async def test_who_reads_a_sqlite_file_waits_for_no_writer(
    kind: str, url: str, servers: Servers, connect: Connect
) -> None:
    with deaf(kind, url, servers):
        assert await stored(connect(deadline_seconds=4 * DEADLINE)) == []


@pytest.mark.parametrize("kind", [SQLITE])
async def test_who_only_reads_a_sqlite_file_cannot_write_to_it(database: Database) -> None:
    with pytest.raises(StoreUnavailable):
        async with database.reading() as connection:
            await connection.execute(new("o1"))
    assert await stored(database) == []


async def test_a_call_that_is_canceled_leaves_the_database_usable(
    kind: str, url: str, servers: Servers, connect: Connect
) -> None:
    database = connect(deadline_seconds=DEADLINE, pool_size=1)
    await warmed_up(database)

    with deaf(kind, url, servers):
        writing = asyncio.create_task(write(database, new("o1")))
        done, _ = await asyncio.wait([writing], timeout=0.1)
        assert not done
        writing.cancel()
        with pytest.raises((asyncio.CancelledError, StoreUnavailable)):
            await writing
    await works_again(database, "o2")


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_statement_that_takes_too_long_is_given_up_by_the_server_too(connect: Connect) -> None:
    database = connect(deadline_seconds=DEADLINE)
    sleep = "pg_sleep(60)" if database.dialect == POSTGRESQL else "SLEEP(60)"
    await warmed_up(database)
    async with stopwatch() as watch:
        with pytest.raises(StoreUnavailable):
            async with database.reading() as connection:
                await connection.execute(text(f"SELECT {sleep}"))
        assert watch.seconds < DEADLINE + 0.5
    sleeping = {
        POSTGRESQL: "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sl%'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
    }[database.dialect]

    onlooker = connect()

    async def over() -> bool:
        async with onlooker.reading() as connection:
            return not await connection.scalar(text(sleeping))

    await soon(over, what="the server has given it up")


@pytest.mark.parametrize("kind", SERVERS)
async def test_connections_that_the_server_has_closed_are_replaced(
    kind: str, connect: Connect, servers: Servers
) -> None:
    database = connect(pool_size=2)
    await asyncio.gather(database.ping(), database.ping())
    if kind == POSTGRESQL:
        servers[kind].ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test%'")
    else:
        for (connection_id,) in servers[kind].ask(
            "SELECT id FROM information_schema.processlist WHERE db LIKE 'test%'"
        ):
            servers[kind].ask(f"KILL {connection_id}")
    await asyncio.gather(database.ping(), database.ping())
    await write(database, new("o1"))


async def test_an_outage_tells_nothing_about_people(kind: str, url: str, servers: Servers, connect: Connect) -> None:
    database = connect(deadline_seconds=DEADLINE)
    await warmed_up(database)
    with deaf(kind, url, servers), pytest.raises(StoreUnavailable) as outage:
        await write(database, private("o1", datetime.now(UTC)))
    told: BaseException | None = outage.value
    while told is not None:
        assert PRIVATE not in f"{told} {told!r}"
        told = told.__cause__ or told.__context__
