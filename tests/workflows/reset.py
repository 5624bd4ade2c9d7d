"""What an operator does to an order who resets it to an earlier point."""

from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from tests.workflows.placed import Placed
from tests.workflows.stage import Stage

_SAID = (
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST,
)


async def reset(stage: Stage, order: Placed, *, task: int, forget: bool = False) -> None:
    """Start over from the end of a workflow task (the first is 0); forget what was said after it, if so."""
    await order.until_quiet()
    stage.contexts.reset.add(order.order_id)
    history = await order.handle.fetch_history()
    ended = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    points = [event.event_id for event in history.events if event.event_type == ended]
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=order.handle.id),
            reason="test",
            workflow_task_finish_event_id=points[task],
            request_id=uuid4().hex,
            reset_reapply_exclude_types=_SAID if forget else (),
        )
    )
