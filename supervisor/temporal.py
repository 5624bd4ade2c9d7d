"""Embedded Temporal server: a full server that stores its data in one file."""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from runtime import payload_binding
from runtime.payload_binding import PayloadBinding
from runtime.settings import Settings
from supervisor.part import Part
from supervisor.urls import LOCAL, url

NAMESPACE = "default"
_SQLITE_PRAGMAS = (
    # More than twice the throughput of the defaults. An acknowledged start survives the death of the server.
    "journal_mode=WAL",
    "synchronous=NORMAL",
    # 64 MiB instead of 2 MB for some 90 trees, and no files for intermediate results.
    "cache_size=-65536",
    "temp_store=MEMORY",
    # Pages that change often are copied into the file every 40 MB instead of every 4 MB.
    "wal_autocheckpoint=10000",
)
_DYNAMIC_CONFIG = (
    # A quarter of the latency of the default, which is meant for a shared cluster.
    "history.transferProcessorMaxPollRPS=1000",
    # More partitions bring nothing on one machine, and with one no newer order overtakes an older one.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
    # How often the server forgets tasks that it has done. It looks through all others with each new one, so the default
    # of 30 s makes orders dearer, the more of them there are in such a time.
    *(f'history.{queue}ProcessorUpdateAckInterval="1s"' for queue in ("transfer", "timer", "visibility")),
    # The API looks at the backlog of new orders, to hold a flood of them back. The default is 5 s.
    'matching.TaskQueueInfoByBuildIdTTL="200ms"',
    # Its HTTP API asks for no login and does not look at `Origin`: any page in a browser could use it. No request can
    # name a host with blanks.
    'frontend.httpAllowedHosts=["nobody at all"]',
)
_VARIABLES = {"GOGC": "400"}
"""The server collects garbage when its memory has grown fivefold instead of twofold: less often, for more memory."""


def temporal(settings: Settings) -> Part:
    """Return the part of the server with its Web UI."""
    file = database_file(settings)
    command = [
        # Next to the interpreter, where its package installs it: the virtual environment need not be activated.
        str(Path(sys.executable).with_name("temporal")),
        *("server", "start-dev", "--disable-config-env", "--disable-config-file"),
        *("--ip", LOCAL, "--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)),
        *("--db-filename", str(file), "--ui-disable-news-fetch"),
        *("--ui-codec-endpoint", f"{url(settings.api_host, settings.api_port)}/codec/{NAMESPACE}"),
    ]
    for pragma in _SQLITE_PRAGMAS:
        command += ["--sqlite-pragma", pragma]
    for value in _DYNAMIC_CONFIG:
        command += ["--dynamic-config-value", value]
    # The Web UI forwards this to the server, which knows its namespace only once it has started.
    namespace = f"http://{LOCAL}:{settings.temporal_ui_port}/api/v1/namespaces/{NAMESPACE}"
    return Part(
        "temporal",
        tuple(command),
        settings.temporal_port,
        ready_at=namespace,
        live_at=namespace,
        echo=False,
        before_start=lambda: _prepare(settings, file),
        variables=_VARIABLES,
    )


def database_file(settings: Settings) -> Path:
    """Return the file with all data of the server."""
    return settings.data_dir.resolve() / "temporal.db"


def _prepare(settings: Settings, file: Path) -> None:
    set_aside_unfinished(file)
    if settings.payload_binding is None:
        # Where no order has ever been taken, none was taken before payloads were bound.
        binding = PayloadBinding.WRITE if file.exists() else PayloadBinding.REQUIRE
        payload_binding.make_file(settings.payload_binding_file, binding)


def set_aside_unfinished(file: Path) -> None:
    """Move away a file whose creation was interrupted: no server could start on it.

    The namespace is created last. Without it, no server was ever ready on this file, so it contains no order.
    """
    if file.exists() and not _has_namespace(file):
        for part in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            if part.exists():
                part.replace(part.with_name(f"unfinished-{part.name}"))


def _has_namespace(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as database:
        try:
            return database.execute("SELECT 1 FROM namespaces LIMIT 1").fetchone() is not None
        except sqlite3.DatabaseError as error:
            # The server reports any other problem with the file.
            return "no such table" not in str(error)
