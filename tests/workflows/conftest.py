from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities import management_center
from harness.waiting import PATIENCE
from tests.encryption import CONVERTER
from tests.processes import starts_processes
from tests.servers import time_skipping_server
from tests.workflows.stage import Stage


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order's answer counts, however busy the machine is."""
    monkeypatch.setattr(management_center, "_ANSWER_WITHIN", timedelta(seconds=PATIENCE))


@pytest.fixture
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=CONVERTER)


@pytest.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    """A stage on the real server."""
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
    """A stage on the server that skips time."""
    async with Stage(clock.client) as stage:
        yield stage
