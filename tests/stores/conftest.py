"""Runs each test of a store with freshly migrated tables, on each available kind of database."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData

from stores.common.database import Database
from stores.event_delivery.subscriptions import SubscriptionStore
from stores.migration import METADATA, migrate
from tests import databases
from tests.databases import SQLITE, Server, Servers
from tests.eventually import PATIENCE
from tests.processes import starts_processes
from tests.stores.center import Center
from tests.stores.subscribing import Clock, store_with_log

OpenDatabase = Callable[..., Database]
Connect = Callable[..., Database]


class Prepared:
    """Migrated databases, created once for each kind and context, and restored before each test."""

    def __init__(self, servers: Servers, directory: Path) -> None:
        self._servers = servers
        self._directory = directory
        self._urls: dict[tuple[str, str], str] = {}
        self._rows: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}

    async def url(self, kind: str, context: str, own: Path) -> str:
        """Return the URL of a database with only the rows that the migrations have inserted."""
        if kind == SQLITE:
            return await self._copy(context, own)
        key = kind, context
        server = self._servers[kind]
        metadata = METADATA[context]
        if key not in self._urls:
            self._urls[key] = server.fresh()
            await migrate(context, self._urls[key])
            self._rows[key] = _read(server, self._urls[key], metadata)
        else:
            _restore(server, self._urls[key], metadata, self._rows[key])
        return self._urls[key]

    async def _copy(self, context: str, own: Path) -> str:
        template = self._directory / f"{context}.db"
        if not template.exists():
            await migrate(context, f"sqlite:///{template}")
        return f"sqlite:///{shutil.copy(template, own / 'store.db')}"


def fresh(kind: str, servers: Servers, tmp_path: Path) -> str:
    """The URL of an empty database."""
    return f"sqlite:///{tmp_path}/new/fresh.db" if kind == SQLITE else servers[kind].fresh()


def _read(server: Server, url: str, metadata: MetaData) -> dict[str, list[dict[str, Any]]]:
    with server.engine(_name(url)).connect() as connection:
        return {
            table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in metadata.sorted_tables
        }


def _restore(server: Server, url: str, metadata: MetaData, rows: dict[str, list[dict[str, Any]]]) -> None:
    with server.engine(_name(url)).connect() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1]


def _on_a_server(item: pytest.Item) -> bool:
    """A test without a kind of database among its parameters may use any."""
    parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return bool(parameters.get("kind", "") != SQLITE)


@pytest.fixture(scope="session")
@starts_processes(only_if=_on_a_server)
def servers() -> Iterator[Servers]:
    with databases.servers() as running:
        yield running


@pytest.fixture(scope="session")
def prepared(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(servers, tmp_path_factory.mktemp("templates"))


@pytest.fixture(params=databases.kinds())
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def url(kind: str, context: str, prepared: Prepared, tmp_path: Path) -> str:
    """The URL of the context's database. Each test module names its context."""
    return await prepared.url(kind, context, tmp_path)


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """Return a factory of `Database` objects for a URL."""
    made: list[Database] = []

    def make(url: str, **options: Any) -> Database:
        made.append(Database(url, **{"deadline_seconds": PATIENCE, **options}))
        return made[-1]

    yield make
    for database in made:
        await database.dispose()


@pytest.fixture
def connect(url: str, open_database: OpenDatabase) -> Connect:
    """Return a factory of `Database` objects for the context's database, as each process has its own."""
    return partial(open_database, url)


@pytest.fixture
def database(connect: Connect) -> Database:
    return connect()


@pytest.fixture
def center(database: Database) -> Center:
    """Return a management center, for a module whose context it is."""
    return Center(database)


@pytest.fixture
def clock() -> Clock:
    """Return the clock of `subscriptions`."""
    return Clock()


@pytest.fixture
async def subscriptions(database: Database, clock: Clock) -> SubscriptionStore:
    """Return a store of subscriptions with a log of events, for a module whose context is event delivery."""
    return await store_with_log(database, clock)
