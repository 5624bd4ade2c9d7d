"""Context of a worker's log lines: the order whose activity or workflow a line is about."""

from structlog.typing import EventDict, WrappedLogger
from temporalio import activity, workflow

from domain.orders import order_of


def add_order_of_task(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add `order_id` to a log line, if there is one."""
    if "order_id" not in event and (order_id := order_of(_workflow_id(event))):
        event["order_id"] = order_id
    return event


def _workflow_id(event: EventDict) -> str:
    if activity.in_activity():
        return activity.info().workflow_id or ""
    if workflow.in_workflow():
        return workflow.info().workflow_id
    # The SDK also logs about a workflow from outside of it.
    return str(getattr(event.get("_record"), "temporal_workflow", {}).get("workflow_id", ""))
