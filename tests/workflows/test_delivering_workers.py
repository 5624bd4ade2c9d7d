"""A worker that ends or hangs while a consumer holds its request open: another one goes on, in order."""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from activities.event_delivery.connecting import NameLookups
from activities.event_delivery.delivery import DeliveryActivities
from domain.common import contexts
from domain.event_delivery.delivery import workflow_id
from harness.waiting import PATIENCE, soon
from runtime.payload_codec import for_worker
from runtime.temporal_client import start_event_delivery
from stores.common.database import Database
from stores.migration import migrate
from tests.encryption import CONVERTER, guard
from tests.event_delivery.consumer import Script, silent
from tests.event_delivery.delivering import A, Answers, Delivering, recipient
from tests.event_delivery.test_frozen_deliveries import LATER, Frost
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


def worker(client: Client, activities: DeliveryActivities, *, most: int = 100) -> Worker:
    """Return a worker that has so many activities at a time, and waits for nothing when it ends."""
    return Worker(
        for_worker(client),
        task_queue=contexts.EVENT_DELIVERY,
        workflows=[EventDeliveryWorkflow],
        activities=[activities.deliver],
        max_concurrent_activities=most,
        workflow_runner=sandbox(strict=True),
        interceptors=[guard(client)],
    )


def silent_at_first(held: set[str]) -> Answers:
    """Return answers to all events but the first one of an order, which is noted when it comes for the first time."""

    def answer(event_id: str) -> Script | None:
        if event_id != "a-0" or held:
            return None
        held.add(event_id)
        return silent

    return answer


async def test_another_worker_sends_again_what_was_under_way(client: Client, delivering: Delivering) -> None:
    held: set[str] = set()
    async with recipient(silent_at_first(held)) as seen:
        await delivering.subscribe(seen.port)
        await delivering.tell("a", "a", "b")
        await start_event_delivery(client, A)
        try:
            async with worker(client, delivering.activities()):
                await soon(lambda: _is(bool(held)), what="the request is held open")
            assert "a-1" not in seen.sent
            async with worker(client, delivering.activities()):
                await soon(lambda: _is(set(seen.accepted) == set(delivering.told)), what="all events have come")
        finally:
            await client.get_workflow_handle(workflow_id(A)).terminate()

    assert [event_id for event_id in seen.sent if event_id.startswith("a")] == ["a-0", "a-0", "a-1"]
    assert seen.order_at_once == 1


async def test_another_worker_goes_on_for_one_that_gives_no_sign_of_life(
    client: Client, temporal_address: str, delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waits 15 seconds for a sign. The one that was silent has lost the subscription when it goes on."""
    held: set[str] = set()
    other = await Client.connect(temporal_address, data_converter=CONVERTER)
    hanging, frost = delivering.activities(), Frost()
    monkeypatch.setattr(hanging.watch, "look", frost.at(hanging.watch.look, LATER))
    async with recipient(silent_at_first(held)) as seen:
        await delivering.subscribe(seen.port, at_once=1)
        await delivering.tell("a", "a", "b")
        await start_event_delivery(client, A)
        try:
            async with worker(client, hanging, most=1):
                await soon(lambda: _is(bool(held)), what="the request is held open")
                async with worker(other, delivering.activities()):
                    await soon(lambda: _all_are_delivered(delivering), what="all events are delivered")
                    frost.goes_on.set()
        finally:
            await client.get_workflow_handle(workflow_id(A)).terminate()

    assert seen.sent[0] == "a-0"
    assert sorted(seen.sent[1:]) == ["a-0", "a-1", "b-0"]
    assert seen.accepted.index("a-0") < seen.accepted.index("a-1")


async def _is(condition: bool) -> bool:
    return condition


async def _all_are_delivered(delivering: Delivering) -> bool:
    return (await delivering.view()).behind == 0
