"""What a process tells of itself beyond its own metrics: what the SDK counts, and traces where they are asked for."""

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
    """By default a process tells nothing."""

    sdk: SdkMetrics | None = None
    tracing: "Tracing | None" = None

    @property
    def interceptors(self) -> Sequence[Interceptor]:
        """For the process's Temporal client."""
        return [self.tracing.interceptor] if self.tracing else []


SILENT = Telemetry()


@contextmanager
def instrumented(settings: Settings, service: str) -> Iterator[Telemetry]:
    """Tell, for as long as the process serves; entered before there is any Temporal client.

    Args:
        service: What the process is called in traces where the settings do not say.
    """
    sdk = sdk_runtime.install()
    if settings.otel_exporter_otlp_endpoint is None:
        yield Telemetry(sdk)
        return
    # Who does not want traces does not wait for this to be loaded.
    from observability.tracing import Tracing

    with Tracing(settings.otel_exporter_otlp_endpoint, settings.otel_service_name or service) as tracing:
        yield Telemetry(sdk, tracing)
