"""Context of log lines: the order that a request is about, and the trace. A worker adds `task_context`."""

from collections.abc import Callable
from contextvars import ContextVar

from opentelemetry import trace
from structlog.typing import EventDict, WrappedLogger

requested_order: ContextVar[Callable[[], str | None] | None] = ContextVar("requested_order", default=None)
"""Returns the order that the current request is about, as soon as it is known."""


def add_context(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Add `order_id` and `trace_id` to a log line, if there are any."""
    requested = requested_order.get()
    if "order_id" not in event and requested is not None and (order_id := requested()):
        event["order_id"] = order_id
    span = trace.get_current_span().get_span_context()
    if span.is_valid:
        event["trace_id"] = trace.format_trace_id(span.trace_id)
    return event
