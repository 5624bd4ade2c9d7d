"""Fake deliveries and pings: activities that answer what a test has written."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from uuid import uuid4

from temporalio import activity
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker

from domain.common import contexts
from domain.event_delivery.answers import Outcome
from domain.event_delivery.delivery import DELIVER, LOOK, Delivered, Delivery, workflow_id
from domain.event_delivery.ping import PING, Ping, Pinged
from harness.waiting import soon
from runtime.payload_codec import for_worker
from runtime.temporal_client import start_event_delivery
from tests.encryption import guard
from tests.workflows.stage import replay, stumbled
from workflows.common.runner import sandbox
from workflows.event_delivery.delivery import EventDeliveryWorkflow
from workflows.event_delivery.ping import EventPingWorkflow

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
    await replay(history, converter=client.data_converter)


def _was_terminated(event: HistoryEvent) -> bool:
    """Return whether a task was under way when the workflow was terminated."""
    failed = event.workflow_task_failed_event_attributes.cause
    return failed == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND


async def a_delivery(client: Client) -> WorkflowHistory:
    """Run a delivery that waits for its consumer, is called, and ends."""
    deliverer = Deliverer(Delivered(again_after=0.01), LONG, Delivered(), ENDED)
    async with delivering(client, deliverer) as handle:
        await deliverer.until_asked(2)
        await handle.signal(LOOK, "")
        await handle.result()
        return await handle.fetch_history()


async def a_long_delivery(client: Client) -> WorkflowHistory:
    """Run a delivery that goes on in a new run. Returns the history of the first one."""
    deliverer = Deliverer(*[Delivered()] * 40, ENDED)
    async with delivering(client, deliverer) as handle:
        first = (await handle.describe()).run_id
        await handle.result()
        return await client.get_workflow_handle(handle.id, run_id=first).fetch_history()


async def a_ping(client: Client) -> WorkflowHistory:
    """Run a ping."""

    @activity.defn(name=PING.name)
    async def ping(_: Ping) -> Pinged:
        return Pinged(Outcome.DELIVERED, 204, milliseconds=31)

    worker = Worker(
        for_worker(client),
        task_queue=contexts.EVENT_DELIVERY,
        workflows=[EventPingWorkflow],
        activities=[ping],
        workflow_runner=sandbox(strict=True),
        interceptors=[guard(client)],
    )
    async with worker:
        handle = await client.start_workflow(
            EventPingWorkflow.run, Ping(uuid4().hex), id=uuid4().hex, task_queue=contexts.EVENT_DELIVERY
        )
        await handle.result()
        return await handle.fetch_history()


DELIVERIES: Mapping[str, Callable[[Client], Awaitable[WorkflowHistory]]] = {
    way.__name__: way for way in (a_delivery, a_long_delivery, a_ping)
}
"""Recorded deliveries and pings."""
