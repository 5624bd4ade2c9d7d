"""What deployment files may refer to: existing settings, programs and health routes."""

from collections.abc import Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from fastapi.routing import APIRoute

from observability.health import Health
from runtime.settings import Settings
from tests.deploy.image import files

SETTINGS = frozenset(name.upper() for name in Settings.model_fields)
THE_SDKS = frozenset(
    {
        *("TEMPORAL_NAMESPACE", "TEMPORAL_CONFIG_FILE"),
        *("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"),
    }
)
"""Settings that Temporal's SDK reads itself."""
HEALTH = frozenset(route.path for route in Health().router().routes if isinstance(route, APIRoute))
API_PORT = Settings.model_fields["api_port"].default
CONSOLE_PORT = Settings.model_fields["console_port"].default
WORKER_PORT = Settings.model_fields["worker_port"].default


def port_of(command: Sequence[str]) -> int:
    """Return the port of the health routes of the process that a command starts."""
    if "console" in command:
        return int(CONSOLE_PORT)
    return int(WORKER_PORT if "worker.py" in command else API_PORT)


def program_of(command: Sequence[str]) -> PurePath:
    """Return the file in the image that a command runs."""
    python, *arguments = command
    assert python == "python"
    if arguments[0] != "-m":
        return PurePath(arguments[0])
    module = PurePath(*arguments[1].split("."))
    return module / "__main__.py" if module / "__init__.py" in files() else module.with_suffix(".py")


def assert_probe(command: Sequence[str], url: str) -> None:
    """Check that a URL is a health route of the process that the command starts."""
    parts = urlsplit(url)
    assert parts.path in HEALTH
    assert parts.port == port_of(command)
