"""An environment of its own for whatever is started in it."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

from harness.ports import free_ports
from runtime.settings import Settings

_PORTS = ("API_PORT", "WORKER_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")


@contextmanager
def apart(environment: Mapping[str, str]) -> Iterator[Settings]:
    """An environment in which whatever is started has ports and data of its own; the data go at the end."""
    with tempfile.TemporaryDirectory(prefix="harness-") as directory, mock.patch.dict(os.environ):
        for name in filter(_leads_elsewhere, list(os.environ)):
            del os.environ[name]
        ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
        os.environ.update({"DATA_DIR": directory, **ports, **environment})
        yield Settings()


def _leads_elsewhere(variable: str) -> bool:
    """To what somebody works with, or watches."""
    others = ("AUTH_", "TEMPORAL_", "OTEL_", "SECRETS_DIR", "PAYLOAD_KEYS")
    return variable.endswith("_DATABASE_URL") or variable.startswith(others)
