"""The console in this process, before the real API in this process."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from httpx2 import AsyncHTTPTransport

from console import streams
from console.texts import Texts
from domain.common import contexts
from runtime.settings import Settings
from stores.common.database import Database
from stores.order_status.view import OrderStatusStore
from tests.api.conftest import impatient, issuer, migrated, one_day, patient, settings, without_temporal
from tests.api.service import Service, but, listening, serving
from tests.console.browser import Pages, opened, pages_of
from tests.console.patience import wait_long
from tests.eventually import PATIENCE

__all__ = ["impatient", "issuer", "migrated", "one_day", "patient", "settings", "without_temporal"]


@pytest.fixture(autouse=True)
def patient_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use long deadlines, because a busy machine is not an outage."""
    wait_long(monkeypatch)


@pytest.fixture
def in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this year be 2026 to whatever is written on pages."""
    monkeypatch.setattr(Texts, "today", lambda _: date(2026, 11, 29))


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    """The API; no worker runs yet."""
    async with serving(settings) as service:
        yield service


@pytest.fixture
async def pages(service: Service) -> AsyncIterator[Pages]:
    """The console of that API."""
    async with pages_of(service) as pages:
        yield pages


@pytest.fixture
async def bare(without_temporal: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    """The console of an API that has no Temporal, for tests that need none. It has no streams: see `on_a_port`."""
    monkeypatch.setattr(streams, "_OPEN_WITHIN", 0.01)
    async with serving(without_temporal) as service, pages_of(service) as pages:
        yield pages


@pytest.fixture
async def store(without_temporal: Settings) -> AsyncIterator[OrderStatusStore]:
    """The read model of `bare` and of `on_a_port`, for writing as a worker does."""
    database = Database(without_temporal.database_url(contexts.ORDER_STATUS), deadline_seconds=PATIENCE)
    yield OrderStatusStore(database)
    await database.dispose()


@pytest.fixture
async def on_a_port(without_temporal: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    """The console of such an API on a port, for streams, which do not end."""
    monkeypatch.setattr(streams, "_OPEN_WITHIN", PATIENCE)
    with listening(without_temporal) as url:
        async with opened(but(without_temporal, console_api_url=url), AsyncHTTPTransport()) as pages:
            yield pages
