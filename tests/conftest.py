"""Fixtures for all tests."""

import gc
import os
import sys
from collections.abc import Iterator

import hypothesis
import pytest
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from runtime.key_files import new_key
from runtime.temporal_client import end_process
from tests import whole
from tests.databases import pytest_report_header
from tests.encryption import KEYS
from tests.processes import guarding, install, mark, starts_processes
from tests.servers import dev_server

__all__ = ["pytest_report_header"]

# No test is about how fast something is, and a machine may be slow.
hypothesis.settings.register_profile("without-deadline", deadline=None)
hypothesis.settings.load_profile("without-deadline")
os.environ["PAYLOAD_KEYS"] = KEYS
os.environ["ACCESS_LOG_KEY"] = new_key()
os.environ["TRACKING_KEYS"] = f"test-1:{new_key()}"
# Otherwise the SDK fails each workflow task that takes two seconds as deadlocked, on a busy machine as well.
os.environ["TEMPORAL_DEBUG"] = "1"
# Late answers of calls that a test has held are no news.
_QUIET = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=_QUIET)))

_STATUS = pytest.StashKey[int]()
_LONG = ("drills", "end_to_end")


install()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(whole.OPTION, action="store_true", help="only what multiplies, in its whole form")


def pytest_configure(config: pytest.Config) -> None:
    whole.configure(config)


@pytest.fixture(scope="session")
@starts_processes()
def temporal_address() -> Iterator[str]:
    """A real Temporal server for the whole session. A test that starts an order on it also ends the order."""
    with dev_server() as address:
        yield address


@pytest.fixture
@starts_processes()
def processes() -> None:
    """For a test that starts processes itself."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    # What is collected here is no garbage, now or later.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mark(items)
    items[:], others = whole.select(items)
    if others:
        config.hook.pytest_deselected(items=others)
    # What takes longest begins first: at the end one process would be busy with it, and the others idle.
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    with guarding(item):
        return (yield)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = exitstatus


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # Coverage writes what it has seen on Python's own way out.
    if _STATUS in config.stash and "coverage" not in sys.modules:
        end_process(config.stash[_STATUS])
