"""Runtime of Temporal's SDK in a process. Its metrics and logs are merged into those of the process."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig

_log = logging.getLogger(__name__)

_TRIES = 5
"""Attempts to find a port: another process may take one that was free a moment ago."""
_READ_WITHIN = 1.0
"""Seconds."""
_BUCKETS: Mapping[str, Sequence[float]] = {
    "projection_delay_seconds": (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
    "event_attempt_seconds": (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
    "event_delivery_delay_seconds": (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400),
}


class SdkMetrics:
    """Metrics of the SDK in this process. The SDK serves them on a port that only this machine can reach."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def text(self) -> bytes:
        """Return the metrics in Prometheus' format, or nothing if they cannot be read in time."""
        try:
            return await asyncio.to_thread(self._read)
        except (OSError, HTTPException) as error:
            _log.warning("cannot read the metrics of the SDK: %s", error)
            return b""

    def _read(self) -> bytes:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=_READ_WITHIN)) as connection:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()


def install() -> SdkMetrics:
    """Create the runtime for every client of this process. Call it once, before the first client is created.

    Raises:
        RuntimeError: there is no free port for its metrics.
    """
    core = logging.getLogger("temporalio.core")
    core.addFilter(append_fields)
    forwarding = LogForwardingConfig(
        core, append_target_to_name=False, prepend_target_on_message=False, append_log_fields_to_message=False
    )
    logs = LoggingConfig(LoggingConfig.default.filter, forwarding=forwarding)
    for _ in range(_TRIES):
        port = _free_port()
        metrics = PrometheusConfig(
            f"127.0.0.1:{port}", unit_suffix=True, durations_as_seconds=True, histogram_bucket_overrides=_BUCKETS
        )
        telemetry = TelemetryConfig(logging=logs, metrics=metrics, attach_service_name=False)
        try:
            Runtime.set_default(Runtime(telemetry=telemetry))
        except ValueError as error:
            _log.warning("cannot open a port for the metrics of the SDK; trying another: %s", error)
        else:
            return SdkMetrics(port)
    raise RuntimeError("there is no free port for the metrics of the SDK")


def append_fields(record: logging.LogRecord) -> bool:
    """Add the fields of a log line of the SDK's core to its text, except failures, which may quote input.

    The Python part of the SDK logs failures, too, in the same way as our own errors.
    """
    fields = record.__dict__["temporal_log"].fields
    allowed = {name: value for name, value in fields.items() if name != "failure"}
    record.msg = f"{record.msg} {allowed}"
    return True


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])
