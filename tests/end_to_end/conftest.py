"""The service that the tests of this folder share."""

import signal
from collections.abc import Iterator

import pytest

from domain.common import contexts
from tests.api.collector import Collector, collector
from tests.end_to_end.system import System, system
from tests.processes import starts_processes


@pytest.fixture(scope="session")
def traced() -> Iterator[Collector]:
    """Collect the traces of the shared service."""
    with collector() as running:
        yield running


@pytest.fixture(scope="session")
@starts_processes()
def running(tmp_path_factory: pytest.TempPathFactory, traced: Collector) -> Iterator[System]:
    """One service for all tests. Each test restarts what it has stopped."""
    places = {"OTEL_EXPORTER_OTLP_ENDPOINT": traced.url, "EVENT_TARGET_NETWORKS": "127.0.0.0/8"}
    with system(tmp_path_factory.mktemp("system"), **places) as started:
        yield started


@pytest.fixture
def talkative(running: System) -> Iterator[System]:
    """Make every process log everything."""
    parts = [running.running[name] for name in ("api", *contexts.ALL)]
    for part in parts:
        part.send_signal(signal.SIGUSR1)
    yield running
    for part in parts:
        part.send_signal(signal.SIGUSR2)
