"""Traces of the requests of a web app."""

from fastapi.telemetry import TelemetryConfig
from starlette.types import Scope

from observability.telemetry import Telemetry


def traced(telemetry: Telemetry) -> TelemetryConfig:
    """Return the framework's configuration: traces, if they are configured, and nothing else.

    Our processes have their own metrics and logs. The remaining options would be evaluated for every request.
    """
    config = TelemetryConfig(tracing=False, metrics=False, logs=False, operation_spans=False)
    if telemetry.tracing is not None:
        config |= TelemetryConfig(tracing=True, tracer_provider=telemetry.tracing.provider, exclude=_is_a_probe)
    return config


def _is_a_probe(scope: Scope) -> bool:
    return str(scope["path"]).startswith(("/health/", "/metrics"))
