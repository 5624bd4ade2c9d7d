"""Telemetry of a process besides its own metrics: metrics of the SDK, and traces if they are configured."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Interceptor

    from observability.sdk_runtime import SdkMetrics
    from observability.tracing import Tracing


@dataclass(frozen=True)
class Telemetry:
    """Sources of telemetry of a process. The default has none."""

    sdk: "SdkMetrics | None" = None
    tracing: "Tracing | None" = None

    @property
    def interceptors(self) -> "Sequence[Interceptor]":
        """Interceptors for the process's Temporal client."""
        return [self.tracing.interceptor] if self.tracing else []


SILENT = Telemetry()


@contextmanager
def instrumented(settings: Settings, service: str, sdk: "SdkMetrics | None" = None) -> Iterator[Telemetry]:
    """Provide telemetry while the process runs.

    Args:
        settings: The settings.
        service: Name of the process in traces, unless the settings contain one.
        sdk: The metrics of Temporal's SDK, if the process uses it.
    """
    if settings.otel_exporter_otlp_endpoint is None:
        yield Telemetry(sdk)
        return
    # Imported only if traces are configured, because loading it takes time.
    from observability.tracing import Tracing

    with Tracing(settings.otel_exporter_otlp_endpoint, settings.otel_service_name or service) as tracing:
        yield Telemetry(sdk, tracing)
