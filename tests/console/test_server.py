"""The server of the console."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from console import streams
from console.app import MOST_API_CONNECTIONS
from console.server import Server
from runtime.http_connections import OWN_DESCRIPTORS
from runtime.settings import Settings
from tests.api.service import but
from tests.console.browser import KEYS

LOADED = "import sys, console.__main__, observability.tracing; print('temporalio' in sys.modules)"


@pytest.mark.usefixtures("processes")
def test_the_process_does_not_load_the_sdk_of_temporal_whose_client_it_is_not() -> None:
    command = [sys.executable, "-c", LOADED]
    root = Path(__file__).parents[2]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=120)

    assert told.stdout.strip() == "False"


def test_connections_of_browsers_leave_descriptors_for_those_to_the_api(
    without_temporal: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    limits = Server(but(without_temporal, console_session_keys=KEYS)).connection_limits
    while limits.admit("192.0.2.1"):
        pass

    assert limits.total + streams.MOST_STREAMS + MOST_API_CONNECTIONS + OWN_DESCRIPTORS <= 1024
