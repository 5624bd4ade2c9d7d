"""Counts what must not happen in a roll-out: answers 500 and failed workflow tasks."""

from collections import Counter

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

_ANSWERS = "http_request_seconds_count"
_FAILED = "temporal_workflow_task_execution_failed"
_MISMATCH = "NonDeterminismError"
_BUSY = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
"""An event arrived while the workflow closed: the server repeats the task, and nothing is wrong."""
_SLOW = "TMPRL1101"
"""The SDK reports a deadlock when a task gets no CPU for two seconds, which happens on a busy machine."""
_WITHIN = 30.0


async def answers(url: str) -> Counter[int]:
    """Count the answers of an API since it started, by status."""
    counted: Counter[int] = Counter()
    for sample in await _samples(url):
        if sample.name == _ANSWERS:
            counted[int(sample.labels["status"])] += int(sample.value)
    return counted


async def mismatches(url: str) -> int:
    """Count the nondeterminism errors of a worker since it started.

    No history records those that happened while it answered a query.
    """
    return int(sum(sample.value for sample in await _samples(url) if _is_mismatch(sample)))


async def failed_tasks(client: Client) -> Counter[str]:
    """Count the failed workflow tasks of all workflows of the server, by workflow and cause."""
    found: Counter[str] = Counter()
    async for execution in client.list_workflows():
        found.update([f"{execution.id}: {cause}" for cause in await _causes(client, execution)])
    return found


async def _causes(client: Client, execution: WorkflowExecution) -> list[str]:
    try:
        history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # erased meanwhile
            return []
        raise
    causes = []
    for event in history.events:
        failed = event.workflow_task_failed_event_attributes
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED and failed.cause != _BUSY:
            reason = str(await client.data_converter.decode_failure(failed.failure))
            if _SLOW not in reason:
                causes.append(f"{WorkflowTaskFailedCause.Name(failed.cause)} {reason}")
    return causes


def _is_mismatch(sample: Sample) -> bool:
    return sample.name.removesuffix("_total") == _FAILED and sample.labels.get("failure_reason") == _MISMATCH


async def _samples(url: str) -> list[Sample]:
    async with httpx2.AsyncClient(timeout=_WITHIN) as client:
        shown = (await client.get(f"{url}/metrics")).raise_for_status().text
    return [sample for family in text_string_to_metric_families(shown) for sample in family.samples]
