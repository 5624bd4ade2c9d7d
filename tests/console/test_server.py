"""The server of the console."""

import resource

import pytest

from console import streams
from console.app import MOST_API_CONNECTIONS
from console.server import Server
from runtime.http_connections import OWN_DESCRIPTORS
from runtime.settings import Settings
from tests.api.service import but
from tests.console.browser import KEYS


def test_connections_of_browsers_leave_descriptors_for_those_to_the_api(
    without_temporal: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    limits = Server(but(without_temporal, console_session_keys=KEYS)).connection_limits
    while limits.admit("192.0.2.1"):
        pass

    assert limits.total + streams.MOST_STREAMS + MOST_API_CONNECTIONS + OWN_DESCRIPTORS <= 1024
