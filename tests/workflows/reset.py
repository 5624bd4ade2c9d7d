"""Resets an order to an earlier point, as an operator does."""

from collections.abc import Sequence
from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from tests.workflows.placed import Placed
from tests.workflows.stage import Stage

_SAID = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)


async def reset(stage: Stage, order: Placed, *, task: int = 0, after: str = "", forget: bool = False) -> None:
    """Reset to the workflow task with this number (the first is 0), counted from the end of an activity if given.

    Later messages are applied again, unless `forget` is set.
    """
    await order.until_quiet()
    stage.contexts.reset.add(order.order_id)
    history = await order.handle.fetch_history()
    points = _ends_of_tasks(history.events[_end_of(after, history.events) :] if after else history.events)
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=order.handle.id),
            reason="test",
            workflow_task_finish_event_id=points[min(task, len(points) - 1)],
            request_id=uuid4().hex,
            reset_reapply_exclude_types=_SAID if forget else (),
        )
    )


def _ends_of_tasks(events: Sequence[HistoryEvent]) -> list[int]:
    return [event.event_id for event in events if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]


def _end_of(activity: str, events: Sequence[HistoryEvent]) -> int:
    """Return the position of the activity's first end in the history, or of its start if it has not ended."""
    scheduled = {
        event.event_id
        for event in events
        if event.activity_task_scheduled_event_attributes.activity_type.name == activity
    }
    ends = (
        index
        for index, event in enumerate(events)
        if event.activity_task_completed_event_attributes.scheduled_event_id in scheduled
    )
    return next(ends, 0)
