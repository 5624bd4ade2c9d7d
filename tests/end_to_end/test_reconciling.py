"""The schedules that the worker processes create in Temporal."""

from datetime import timedelta

import httpx2
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow, WorkflowExecutionStatus

from domain.common import contexts
from domain.order_status.reconciliation import SCHEDULE_ID
from tests.end_to_end.system import System
from tests.eventually import PATIENCE, soon


async def test_a_pass_comes_to_its_end_when_the_schedule_says_so_and_closed_orders_are_kept(running: System) -> None:
    client = await Client.connect(f"127.0.0.1:{running.ports['temporal']}")
    metrics = f"http://127.0.0.1:{running.ports[contexts.ORDER_STATUS]}/metrics"

    async def succeeded_at() -> float:
        lines = (await http.get(metrics)).text.splitlines()
        [line] = [line for line in lines if line.startswith("reconciliation_last_success_timestamp_seconds ")]
        return float(line.split()[1])

    async def succeeded() -> bool:
        return await succeeded_at() > before

    async with httpx2.AsyncClient(timeout=PATIENCE) as http:
        before = await succeeded_at()
        await client.get_schedule_handle(SCHEDULE_ID).trigger()
        await soon(succeeded)
    [*_, newest] = (await client.get_schedule_handle(SCHEDULE_ID).describe()).info.recent_actions
    assert isinstance(newest.action, ScheduleActionExecutionStartWorkflow)
    handle = client.get_workflow_handle(newest.action.workflow_id, run_id=newest.action.first_execution_run_id)

    async def closed() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await soon(closed)
    happened = {event.event_type for event in (await handle.fetch_history()).events}
    assert not happened & {EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED, EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT}
    asked = DescribeNamespaceRequest(namespace=client.namespace)
    kept = (await client.workflow_service.describe_namespace(asked)).config.workflow_execution_retention_ttl
    assert kept.ToTimedelta() == timedelta(hours=72)
