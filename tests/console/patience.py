"""The console's deadlines in tests. A busy machine is not an outage."""

import pytest

from console import app, availability, metrics, service
from harness.waiting import PATIENCE


def wait_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use long deadlines."""
    for module, name in (
        (app, "_CONNECT_WITHIN"),
        (service, "READ_WITHIN"),
        (service, "ACT_WITHIN"),
        (availability, "_WITHIN"),
        (metrics, "_ASK_WITHIN"),
    ):
        monkeypatch.setattr(module, name, PATIENCE)
