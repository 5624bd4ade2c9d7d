"""What every test may ask for."""

from collections.abc import Iterator

import pytest
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from tests.servers import dev_server

# Late answers of calls that a test has held are no news.
_QUIET = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=_QUIET)))


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """A real Temporal server, the same for the whole session; whoever starts an order on it also ends it."""
    with dev_server() as address:
        yield address
