"""A worker that ends or hangs while a consumer holds its request open: another one goes on, in order."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.event_delivery.connecting import NameLookups
from domain.common import contexts
from domain.event_delivery.delivery import workflow_id
from harness.waiting import PATIENCE, soon
from runtime.payload_codec import for_worker
from runtime.temporal_client import start_event_delivery
from stores.common.database import Database
from stores.migration import migrate
from tests.encryption import guard
from tests.event_delivery.consumer import OK, Script, silent
from tests.event_delivery.delivering import A, Delivering, recipient
from workflows.common.runner import sandbox
from workflows.event_delivery.delivery import EventDeliveryWorkflow


@pytest.fixture
async def delivering(tmp_path: Path) -> AsyncIterator[Delivering]:
    url = f"sqlite:///{tmp_path}/events.db"
    await migrate(contexts.EVENT_DELIVERY, url)
    database = Database(url, deadline_seconds=PATIENCE)
    with ThreadPoolExecutor(1) as pool:
        yield Delivering(database, NameLookups(pool))
    await database.dispose()


def worker(client: Client, delivering: Delivering) -> Worker:
    """Return a worker that waits for nothing when it ends."""
    return Worker(
        for_worker(client),
        task_queue=contexts.EVENT_DELIVERY,
        workflows=[EventDeliveryWorkflow],
        activities=[delivering.activities().deliver],
        workflow_runner=sandbox(strict=True),
        interceptors=[guard(client)],
    )


async def test_another_worker_sends_again_what_was_under_way(client: Client, delivering: Delivering) -> None:
    held: set[str] = set()

    def answer(event_id: str) -> Script:
        if event_id != "a-0" or held:
            return OK
        held.add(event_id)
        return silent

    async with recipient(answer) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "a", "b")
        await start_event_delivery(client, A)
        try:
            async with worker(client, delivering):
                await soon(lambda: _is(bool(held)), what="the request is held open")
            assert "a-1" not in seen.sent
            async with worker(client, delivering):
                await soon(lambda: _is(set(seen.accepted) == set(delivering.told)), what="all events have come")
        finally:
            await client.get_workflow_handle(workflow_id(A)).terminate()

    assert [event_id for event_id in seen.sent if event_id.startswith("a")] == ["a-0", "a-0", "a-1"]
    assert seen.order_at_once == 1


async def _is(condition: bool) -> bool:
    return condition
