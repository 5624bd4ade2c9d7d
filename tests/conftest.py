"""What every test may ask for."""

import os
import sys
from collections.abc import Iterator

import pytest
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from temporal_client import end_process
from tests.databases import pytest_report_header
from tests.encryption import KEYS
from tests.servers import dev_server

__all__ = ["pytest_report_header"]

os.environ["PAYLOAD_KEYS"] = KEYS
# Late answers of calls that a test has held are no news.
_QUIET = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=_QUIET)))

_STATUS = pytest.StashKey[int]()
_LONG = ("drills", "end_to_end")


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    """A real Temporal server, the same for the whole session; whoever starts an order on it also ends it."""
    with dev_server() as address:
        yield address


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # What takes longest begins first: at the end one process would be busy with it, and the others idle.
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = exitstatus


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # Coverage writes what it has seen on Python's own way out.
    if _STATUS in config.stash and "coverage" not in sys.modules:
        end_process(config.stash[_STATUS])
