"""Context of log lines: the order and the trace that a line is about."""

from collections.abc import Callable
from contextvars import ContextVar

from opentelemetry import trace
from structlog.typing import EventDict, WrappedLogger
from temporalio import activity, workflow

from domain.orders import order_of

requested_order: ContextVar[Callable[[], str | None] | None] = ContextVar("requested_order", default=None)
"""Returns the order that the current request is about, as soon as it is known."""


def add_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add `order_id` and `trace_id` to a log line, if there are any."""
    if "order_id" not in event and (order_id := _order_id(event)):
        event["order_id"] = order_id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
    return event


def _order_id(event: EventDict) -> str | None:
    if (requested := requested_order.get()) is not None:
        return requested()
    if activity.in_activity():
        return order_of(activity.info().workflow_id or "")
    if workflow.in_workflow():
        return order_of(workflow.info().workflow_id)
    # The SDK also logs about a workflow from outside of it.
    return order_of(getattr(event.get("_record"), "temporal_workflow", {}).get("workflow_id", ""))
