"""Telemetry of a process besides its own metrics: metrics of the SDK, and traces if they are configured."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.client import Interceptor

from observability import sdk_runtime
from observability.sdk_runtime import SdkMetrics
from runtime.settings import Settings

if TYPE_CHECKING:
    from observability.tracing import Tracing


@dataclass(frozen=True)
class Telemetry:
    """Sources of telemetry of a process. The default has none."""

    sdk: SdkMetrics | None = None
    tracing: "Tracing | None" = None

    @property
    def interceptors(self) -> Sequence[Interceptor]:
        """Interceptors for the process's Temporal client."""
        return [self.tracing.interceptor] if self.tracing else []


SILENT = Telemetry()


@contextmanager
def instrumented(settings: Settings, service: str) -> Iterator[Telemetry]:
    """Provide telemetry while the process runs. Enter it before the first Temporal client is created.

    Args:
        service: Name of the process in traces, unless the settings contain one.
    """
    sdk = sdk_runtime.install()
    if settings.otel_exporter_otlp_endpoint is None:
        yield Telemetry(sdk)
        return
    # Imported only if traces are configured, because loading it takes time.
    from observability.tracing import Tracing

    with Tracing(settings.otel_exporter_otlp_endpoint, settings.otel_service_name or service) as tracing:
        yield Telemetry(sdk, tracing)
