from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities import management_center
from harness.waiting import PATIENCE
from tests.encryption import CONVERTER
from tests.processes import starts_processes
from tests.servers import dev_server, time_skipping_server
from tests.workflows.stage import Stage
from tests.workflows.time_skipping import for_time_skipping
from workflows.management_center import dispatch


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order's answer to a dispatcher counts, however busy the machine is."""
    monkeypatch.setattr(management_center, "_ANSWER_WITHIN", timedelta(seconds=PATIENCE))
    monkeypatch.setattr(dispatch, "_ONE_TRY", timedelta(seconds=PATIENCE))


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=CONVERTER)


@pytest.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    """A stage on the real server."""
    async with Stage(client) as stage:
        yield stage


@pytest.fixture(scope="session")
@starts_processes()
def roomy_address() -> Iterator[str]:
    """A real server that finds a history long only when it is."""
    with dev_server(soon_long=False) as address:
        yield address


@pytest.fixture
async def roomy(roomy_address: str) -> AsyncIterator[Stage]:
    """A stage for orders with much to tell."""
    client = await Client.connect(roomy_address, data_converter=CONVERTER)
    async with Stage(client) as stage:
        yield stage


@pytest.fixture
@starts_processes()
async def clock() -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips time when it is told to sleep."""
    async with time_skipping_server() as environment:
        yield environment


@pytest.fixture
async def timeless(clock: WorkflowEnvironment) -> AsyncIterator[Stage]:
    """A stage on the server that skips time. Its orders do not ask to cancel activities."""
    async with Stage(for_time_skipping(clock.client)) as stage:
        yield stage
