"""Isolated environment for programs that are started in it."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

from harness.ports import free_ports
from runtime.settings import Settings

_PORTS = ("API_PORT", "WORKER_PORT", "CONSOLE_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")


@contextmanager
def apart(environment: Mapping[str, str]) -> Iterator[Settings]:
    """Provide an environment with separate ports and data. The data are deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="harness-") as directory, mock.patch.dict(os.environ):
        for name in filter(_is_of_user, list(os.environ)):
            del os.environ[name]
        ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
        os.environ.update({"DATA_DIR": directory, **ports, **environment})
        yield Settings()


def _is_of_user(variable: str) -> bool:
    """Whether a variable refers to resources of the user outside of this environment."""
    others = (
        "AUTH_",
        "TEMPORAL_",
        "OTEL_",
        "SECRETS_DIR",
        "CONSOLE_",
        "PAYLOAD_",
        "TRACKING_",
        "ACCESS_LOG_",
        "AUDIT_",
    )
    return variable.endswith("_DATABASE_URL") or variable.startswith(others)
