"""The workflow of a subscription runs one activity after the other, waits when it is told to, and ends when it may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from temporalio import activity
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.worker import Replayer, Worker

from domain.common import contexts
from domain.event_delivery.delivery import DELIVER, LOOK, Delivered, Delivery, workflow_id
from harness.waiting import soon
from runtime.payload_codec import for_worker, worker_converter
from runtime.temporal_client import start_event_delivery
from tests.encryption import guard
from tests.workflows.stage import stumbled
from tests.workflows.waiting import within
from workflows.common.message_guard import MessageGuard
from workflows.common.runner import sandbox
from workflows.event_delivery.delivery import EventDeliveryWorkflow

LONG = Delivered(again_after=10**6)
ENDED = Delivered(ended=True)


class Deliverer:
    """The activity, which answers what a test has written."""

    def __init__(self, *results: Delivered) -> None:
        self.results = [*results]
        self.asked: list[Delivery] = []
        self.gate = asyncio.Event()
        self.gate.set()

    @activity.defn(name=DELIVER.name)
    async def deliver(self, request: Delivery) -> Delivered:
        self.asked.append(request)
        await self.gate.wait()
        return self.results.pop(0) if self.results else LONG

    async def until_asked(self, times: int) -> None:
        async def often() -> bool:
            return len(self.asked) >= times

        await soon(often)


@asynccontextmanager
async def delivering(client: Client, deliverer: Deliverer) -> AsyncIterator["WorkflowHandle[object, None]"]:
    """Run a worker, and the workflow of a new subscription, which is terminated at the end if it still runs."""
    subscription_id = uuid4().hex
    await start_event_delivery(client, subscription_id)
    worker = Worker(
        for_worker(client),
        task_queue=contexts.EVENT_DELIVERY,
        workflows=[EventDeliveryWorkflow],
        activities=[deliverer.deliver],
        workflow_runner=sandbox(strict=True),
        interceptors=[guard(client)],
    )
    handle: WorkflowHandle[object, None] = client.get_workflow_handle(workflow_id(subscription_id))
    async with worker:
        yield handle
        if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await handle.terminate()
    history = await handle.fetch_history()
    assert not [event for event in history.events if stumbled(event) and not _was_terminated(event)]
    replayer = Replayer(
        workflows=[EventDeliveryWorkflow],
        workflow_runner=sandbox(strict=True),
        interceptors=[MessageGuard()],
        data_converter=worker_converter(client.data_converter),
    )
    await replayer.replay_workflow(history)


def _was_terminated(event: HistoryEvent) -> bool:
    """Return whether a task was under way when the workflow was terminated."""
    failed = event.workflow_task_failed_event_attributes.cause
    return failed == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND


async def test_one_activity_follows_the_other_until_there_is_nothing_to_do(client: Client) -> None:
    deliverer = Deliverer(Delivered(), Delivered(again_after=0.01), Delivered(), ENDED)
    async with delivering(client, deliverer) as handle:
        await within(handle.result())

    assert len(deliverer.asked) == 4
    assert {workflow_id(each.subscription_id) for each in deliverer.asked} == {handle.id}


async def test_who_waits_for_a_consumer_looks_at_once_when_something_has_changed(client: Client) -> None:
    deliverer = Deliverer(LONG, LONG)
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.signal(LOOK)
        await deliverer.until_asked(2)
        await start_event_delivery(client, deliverer.asked[0].subscription_id)
        await deliverer.until_asked(3)


async def test_a_change_during_the_last_activity_is_not_missed(client: Client) -> None:
    deliverer = Deliverer(ENDED)
    deliverer.gate.clear()
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.signal(LOOK)
        deliverer.gate.set()
        await deliverer.until_asked(2)


async def test_a_long_history_is_continued(client: Client) -> None:
    deliverer = Deliverer(*[Delivered()] * 40, ENDED)
    async with delivering(client, deliverer) as handle:
        await within(handle.result())
        first = await client.get_workflow_handle(handle.id, run_id=(await handle.describe()).run_id).describe()
        assert len(deliverer.asked) == 41
        assert first.raw_description.workflow_execution_info.first_run_id != first.run_id


async def test_what_was_ended_is_started_again(client: Client) -> None:
    deliverer = Deliverer()
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(1)
        await handle.terminate()
        await start_event_delivery(client, deliverer.asked[0].subscription_id)
        await deliverer.until_asked(2)
