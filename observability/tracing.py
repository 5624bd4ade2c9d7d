"""Traces by OpenTelemetry, from the request through the order's workflow to the activities.

Only attributes on a list are sent with a span: no text that a person has written, no URL with its query, and no
text of an error.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Self

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

if TYPE_CHECKING:
    from temporalio.contrib.opentelemetry import TracingInterceptor

_SEND_WITHIN = 2.0
"""Seconds."""
_SENT = frozenset(
    {
        "error.type",
        "exception.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "temporalActivityID",
        "temporalRunID",
        "temporalWorkflowID",
    }
)


class Tracing:
    """Tracing of this process."""

    def __init__(self, endpoint: str, service: str) -> None:
        """
        Args:
            endpoint: URL of the collector, to which spans are sent by OTLP over HTTP.
            service: Name of the process in traces.
        """
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_SEND_WITHIN)
        self.provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}), shutdown_on_exit=False)
        self.provider.add_span_processor(BatchSpanProcessor(Discreet(exporter)))

    @cached_property
    def interceptor(self) -> "TracingInterceptor":
        """Interceptor for the process's Temporal client. A process without one does not load the SDK."""
        from temporalio.contrib.opentelemetry import TracingInterceptor

        interceptor = TracingInterceptor(self.provider.get_tracer("temporalio"))
        # Without the caller's baggage: everything that is passed to a workflow is stored in its history.
        interceptor.text_map_propagator = TraceContextTextMapPropagator()
        return interceptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Send the remaining spans."""
        self.provider.shutdown()


class Discreet(SpanExporter):
    """Exporter that passes on only the allowed attributes of each span."""

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans without attributes that are not allowed."""
        return self._to.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        """Shut down the wrapped exporter."""
        self._to.shutdown()


def _discreet(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes=_allowed(span.attributes),
        events=[Event(event.name, _allowed(event.attributes), event.timestamp) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _allowed(attributes: Attributes) -> Attributes:
    return {name: value for name, value in (attributes or {}).items() if name in _SENT}
