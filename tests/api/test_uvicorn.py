"""The server overrides and reads undocumented members of uvicorn, so its version is pinned exactly."""

import asyncio
import gc
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from api.server import Server
from runtime.http_protocol import BoundedProtocol
from runtime.settings import Settings
from tests.api.service import served
from tests.eventually import eventually

PROJECT = Path(__file__).parents[2]
OF_THE_SERVER = ("startup", "shutdown", "handle_exit", "capture_signals", "force_exit", "server_state")
OF_THE_PROTOCOL = (
    *("connection_made", "connection_lost", "data_received", "send_400_response"),
    *("on_message_begin", "on_header", "on_headers_complete", "on_response_complete"),
    *("url", "headers", "cycle", "transport", "loop", "scope", "client", "pipeline"),
)


def test_it_is_the_version_that_the_server_and_the_protocol_were_written_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    (pinned,) = (wanted for wanted in map(Requirement, project["dependencies"]) if wanted.name == "uvicorn")
    assert str(pinned.specifier) == f"=={version('uvicorn')}", (
        "another uvicorn is installed than the one pinned in pyproject.toml: look at each member named in this file, "
        "run tests/api/test_wire.py and tests/api/test_process.py, then pin the new version"
    )


def test_garbage_is_collected_from_the_start_on(without_temporal: Settings) -> None:
    gc.disable()  # as the program does while it is loaded
    try:
        with served(without_temporal):
            eventually(gc.isenabled, what="garbage is collected")
    finally:
        gc.enable()


@pytest.fixture
async def protocol() -> HttpToolsProtocol:
    async def app(scope: object, receive: object, send: object) -> None:
        """An app that is never called."""

    config = uvicorn.Config(app, log_config=None)
    protocol = HttpToolsProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.on_message_begin()
    return protocol


async def test_it_has_what_we_override_and_read(protocol: HttpToolsProtocol) -> None:
    server = uvicorn.Server(protocol.config)
    missing = [
        *(f"Server.{name}" for name in OF_THE_SERVER if not hasattr(server, name)),
        *(f"HttpToolsProtocol.{name}" for name in OF_THE_PROTOCOL if not hasattr(protocol, name)),
    ]
    assert not missing
    assert server.server_state.default_headers == []
    for name in ("response_complete", "disconnected", "message_event"):
        assert name in RequestResponseCycle.__init__.__code__.co_names


def test_nothing_else_of_it_is_overridden() -> None:
    for cls, base, known in (
        (Server, uvicorn.Server, OF_THE_SERVER),
        (BoundedProtocol, HttpToolsProtocol, OF_THE_PROTOCOL),
    ):
        overridden = {name for name in vars(cls) if hasattr(base, name) and not name.startswith("__")}
        assert overridden <= set(known)
