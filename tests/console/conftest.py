"""The console in this process, before the real API in this process."""

from collections.abc import AsyncIterator

import pytest

from runtime.settings import Settings
from tests.api.conftest import impatient, issuer, migrated, patient, settings, without_temporal
from tests.api.service import Service, serving
from tests.console.browser import Pages, pages_of
from tests.console.patience import wait_long

__all__ = ["impatient", "issuer", "migrated", "patient", "settings", "without_temporal"]


@pytest.fixture(autouse=True)
def patient_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use long deadlines, because a busy machine is not an outage."""
    wait_long(monkeypatch)


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
async def bare(without_temporal: Settings) -> AsyncIterator[Pages]:
    """The console of an API that has no Temporal, for tests that need none."""
    async with serving(without_temporal) as service, pages_of(service) as pages:
        yield pages
