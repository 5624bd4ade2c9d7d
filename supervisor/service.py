"""The service itself: what `make run` starts, in which order, and where each part is then."""

import sys
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from settings import Settings
from supervisor.part import Limits, Listener, Part, Service, Step

_LOCAL = "127.0.0.1"
_STOP_MARGIN = 5.0
"""Seconds that a part has beyond its own time for a graceful stop before it is killed."""
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
"""More than twice the throughput of the defaults; a start that was acknowledged survives the server's death."""
_DYNAMIC_CONFIG = ("history.transferProcessorMaxPollRPS=1000",)
"""A quarter of the latency of the default, which is made for a shared cluster."""


def service_of(settings: Settings) -> Service:
    """What `make run` runs."""
    return Service(
        plan=plan(settings),
        listeners=_listeners(settings),
        places=_places(settings),
        data_dir=settings.data_dir.resolve(),
        limits=Limits(grace=settings.graceful_shutdown_seconds + _STOP_MARGIN),
    )


def plan(settings: Settings) -> Sequence[Part | Step]:
    """Its parts and steps, each to be begun once the one before is ready, or done."""
    items: list[Part | Step] = [
        Step("migration", (sys.executable, "-m", "stores.migration"), "bringing the databases' tables up to date"),
        # The worker is not ready before it has reached Temporal and made the orders' search attributes known to it.
        Part(
            "worker",
            (sys.executable, "worker.py"),
            settings.worker_port,
            f"{_url(settings.worker_host, settings.worker_port)}/health/ready",
        ),
        Part(
            "api",
            (sys.executable, "-m", "api"),
            settings.api_port,
            f"{_url(settings.api_host, settings.api_port)}/health/ready",
        ),
    ]
    return [_temporal(settings), *items] if settings.temporal_address is None else items


def _listeners(settings: Settings) -> Sequence[Listener]:
    ports = [
        Listener("API_PORT", settings.api_host, settings.api_port, "the API"),
        Listener("WORKER_PORT", settings.worker_host, settings.worker_port, "the worker's health and metrics"),
    ]
    if settings.temporal_address is None:
        ports += [
            Listener("TEMPORAL_PORT", _LOCAL, settings.temporal_port, "the Temporal server"),
            Listener("TEMPORAL_UI_PORT", _LOCAL, settings.temporal_ui_port, "Temporal's Web UI"),
        ]
    return ports


def _places(settings: Settings) -> Sequence[str]:
    api = _url(settings.api_host, settings.api_port)
    web_ui = [f"Temporal Web UI    {_url(_LOCAL, settings.temporal_ui_port)}"]
    return [
        f"API                {api}",
        f"API documentation  {api}/docs",
        *(web_ui if settings.temporal_address is None else [f"Temporal           {settings.temporal_address}"]),
        f"Worker health      {_url(settings.worker_host, settings.worker_port)}/health/ready",
        f"Data and logs      {settings.data_dir.resolve()}",
        "Ctrl-C stops everything; orders go on where they stood at the next start.",
    ]


def _temporal(settings: Settings) -> Part:
    ui = _url(_LOCAL, settings.temporal_ui_port)
    command = [
        # Beside the interpreter, where its package is installed; the virtual environment need not be activated.
        str(Path(sys.executable).with_name("temporal")),
        *("server", "start-dev", "--disable-config-env", "--disable-config-file"),
        *("--ip", _LOCAL, "--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)),
        *("--db-filename", str(settings.data_dir.resolve() / "temporal.db"), "--ui-disable-news-fetch"),
    ]
    for pragma in _SQLITE_PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for value in _DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    # The Web UI passes this on to the server, which knows its namespace only once it has started.
    ready_at = f"{ui}/api/v1/namespaces/default"
    return Part("temporal", tuple(command), settings.temporal_port, ready_at, echo=False)


def _url(host: str, port: int) -> str:
    """As a program on this machine reaches it."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        return f"http://{_LOCAL if address.version == 4 else '[::1]'}:{port}"
    return f"http://{host if address.version == 4 else f'[{host}]'}:{port}"
