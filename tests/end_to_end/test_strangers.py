"""Who reaches Temporal, but has no keys, as every program on the machine of `make run`."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import httpx2
import pytest
from temporalio.client import ActivityFailureError, Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import RetryPolicy

from domain import erasure
from domain.common import contexts
from domain.erasure import Erasure
from domain.installation import CANCEL_INSTALLATION, CancelInstallation
from domain.order_policy import OrderPolicy
from domain.orders import WORKFLOW_TYPE, CancelRequest, Message, Order, Subscription, workflow_id
from harness.waiting import PATIENCE
from tests.end_to_end.system import System
from tests.eventually import eventually

SOON = timedelta(seconds=PATIENCE)


def refused(running: System) -> dict[str, float]:
    """Return how often each kind was refused, by all workers together."""
    found: dict[str, float] = {}
    for context in contexts.ALL:
        told = httpx2.get(f"http://127.0.0.1:{running.ports[context]}/metrics", timeout=PATIENCE)
        for line in told.text.splitlines():
            if line.startswith("payloads_refused_total{"):
                what = line.partition('what="')[2].partition('"')[0]
                found[what] = found.get(what, 0) + float(line.split()[-1])
    return found


async def speak(address: str, order_id: str) -> str:
    """Send one message of each kind. Returns the id of an order that was not placed."""
    stranger = await Client.connect(address)
    order = stranger.get_workflow_handle(workflow_id(order_id))
    await order.signal(Message.REQUEST_CANCEL, CancelRequest("manager:kim"))
    with pytest.raises(WorkflowUpdateFailedError):
        await order.execute_update(Message.CANCEL, CancelRequest("manager:kim"))
    never = uuid4().hex
    starts = (
        (
            WORKFLOW_TYPE,
            Subscription(Order(never, customer_id="1"), OrderPolicy()),
            workflow_id(never),
            contexts.ORDERS,
        ),
        (erasure.WORKFLOW_TYPE, Erasure("1"), erasure.workflow_id("1"), contexts.ORDER_STATUS),
    )
    for workflow, argument, id_, queue in starts:
        started = await stranger.start_workflow(workflow, argument, id=id_, task_queue=queue)
        with pytest.raises(WorkflowFailureError):
            await started.result()
    with pytest.raises(ActivityFailureError):
        await stranger.execute_activity(
            CANCEL_INSTALLATION.name,
            CancelInstallation(order_id),
            id=uuid4().hex,
            task_queue=CANCEL_INSTALLATION.context,
            schedule_to_close_timeout=SOON,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
    return never


def test_who_has_no_keys_changes_nothing_stops_nothing_and_is_counted(running: System) -> None:
    order_id = running.order()
    running.until(order_id, "INSTALLATION_REQUESTED")
    before = refused(running)

    never = asyncio.run(speak(f"127.0.0.1:{running.ports['temporal']}", order_id))

    def counted() -> bool:
        after = refused(running)
        return {what: after[what] - before[what] for what in after} == {
            "start": 2,
            "signal": 1,
            "update": 1,
            "activity": 1,
            "result": 0,
            "forged": 0,
        }

    eventually(counted, what="every refusal is counted")
    running.send("GET", f"/orders/{never}", 404)
    running.send("GET", f"/orderStatuses/{never}", 404)
    history = running.get(f"/orders/{order_id}")["history"]
    assert not [entry for entry in history if "kim" in entry["by"]]
    running.insist(order_id, "accept")
    running.insist(order_id, "complete")
    running.until(order_id, "JOIN_COMPLETED")
