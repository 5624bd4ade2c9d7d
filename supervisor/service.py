"""The service: what `make run` starts, in which order, and the address of each part."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from runtime.access_log_key import make_file as make_access_key
from runtime.console_settings import session_keys_file
from runtime.key_rings import make_file
from runtime.settings import Settings
from supervisor.data_dir import is_new
from supervisor.part import Limits, Listener, Part, Service, Step
from supervisor.temporal import temporal
from supervisor.urls import LOCAL, url

_STOP_MARGIN = 5.0
"""Seconds that a part has in addition to its own time for a graceful stop before it is killed."""


def service_of(settings: Settings) -> Service:
    """Return the service that `make run` runs."""
    return Service(
        plan=plan(settings),
        listeners=_listeners(settings),
        places=_places(settings),
        data_dir=settings.data_dir.resolve(),
        limits=Limits(grace=settings.drain_seconds + settings.graceful_shutdown_seconds + _STOP_MARGIN),
    )


def needs_first_products(settings: Settings) -> bool:
    """Return whether the products are in a database that `make run` makes together with `DATA_DIR`."""
    return settings.management_center_database_url is None and is_new(settings.data_dir)


def plan(settings: Settings) -> Sequence[Part | Step]:
    """Return its parts and steps. Each is started once the previous one is ready or done."""
    first_products = Step("products", (sys.executable, "-m", "ops.first_products"), "adding the first products")
    items: list[Part | Step] = [
        Step("migration", (sys.executable, "-m", "stores.migration"), "bringing the databases' tables up to date"),
        *([first_products] if needs_first_products(settings) else []),
        # The worker is ready once it has connected to Temporal and registered the orders' search attributes.
        Part(
            "worker",
            (sys.executable, "worker.py"),
            settings.worker_port,
            f"{url(settings.worker_host, settings.worker_port)}/health/ready",
            f"{url(settings.worker_host, settings.worker_port)}/health/live",
            variables=_of_events(settings),
            # If no keys are configured for an existing server, only this run uses the server.
            before_start=None if settings.payload_keys else partial(make_file, settings.payload_keys_file),
        ),
        Part(
            "api",
            (sys.executable, "-m", "api"),
            settings.api_port,
            f"{url(settings.api_host, settings.api_port)}/health/ready",
            f"{url(settings.api_host, settings.api_port)}/health/live",
            variables={**_of_api(settings), **_of_events(settings)},
            before_start=partial(_make_api_keys, settings),
        ),
        *([_console(settings)] if settings.has_console else []),
    ]
    return [temporal(settings), *items] if settings.temporal_address is None else items


def _of_api(settings: Settings) -> Mapping[str, str]:
    """Return the variables of the API. It trusts what the console, on this machine, says of who asks."""
    trusts = settings.has_console and not settings.trusted_proxies
    return {"TRUSTED_PROXIES": f"{LOCAL},::1"} if trusts else {}


def _of_events(settings: Settings) -> Mapping[str, str]:
    """Return the variables about consumers of events. Without tokens, this is a trial: they may be on this machine."""
    if settings.requires_authentication or settings.event_target_networks:
        return {}
    return {"EVENT_TARGET_NETWORKS": "127.0.0.0/8,::1/128"}


def _console(settings: Settings) -> Part:
    console = url(settings.console_host, settings.console_port)
    places = {
        "CONSOLE_API_URL": settings.console_api_url or url(settings.api_host, settings.api_port),
        "CONSOLE_URL": settings.console_url or console,
    }
    embedded = f"{_web_ui(settings)}/namespaces/default" if settings.temporal_address is None else None
    if web_ui := settings.console_web_ui_url or embedded:
        places["CONSOLE_WEB_UI_URL"] = web_ui
    return Part(
        "console",
        (sys.executable, "-m", "console"),
        settings.console_port,
        f"{console}/health/ready",
        f"{console}/health/live",
        variables=places,
        before_start=None
        if settings.console_session_keys
        else partial(make_file, session_keys_file(settings.data_dir)),
    )


def _web_ui(settings: Settings) -> str:
    return url(LOCAL, settings.temporal_ui_port)


def _make_api_keys(settings: Settings) -> None:
    """Make the keys that no setting gives. There is only one API process in this run."""
    if settings.access_log_key is None:
        make_access_key(settings.access_log_key_file)
    if settings.tracking_keys is None:
        make_file(settings.tracking_keys_file)


def _listeners(settings: Settings) -> Sequence[Listener]:
    ports = [
        Listener("API_PORT", settings.api_host, settings.api_port, "the API"),
        Listener("WORKER_PORT", settings.worker_host, settings.worker_port, "the worker's health and metrics"),
    ]
    if settings.has_console:
        ports.append(Listener("CONSOLE_PORT", settings.console_host, settings.console_port, "the console"))
    if settings.temporal_address is None:
        ports += [
            Listener("TEMPORAL_PORT", LOCAL, settings.temporal_port, "the Temporal server"),
            Listener("TEMPORAL_UI_PORT", LOCAL, settings.temporal_ui_port, "Temporal's Web UI"),
        ]
    return ports


def _places(settings: Settings) -> Sequence[str]:
    api = url(settings.api_host, settings.api_port)
    web_ui = [f"Temporal Web UI    {_web_ui(settings)}"]
    console = settings.console_url or url(settings.console_host, settings.console_port)
    return [
        f"Console            {console if settings.has_console else 'not started: set CONSOLE_OIDC_CLIENT_ID'}",
        f"API                {api}",
        f"API documentation  {api}/docs",
        f"Access             {_access(settings)}",
        *(web_ui if settings.temporal_address is None else [f"Temporal           {settings.temporal_address}"]),
        f"Worker health      {url(settings.worker_host, settings.worker_port)}/health/ready",
        f"Data and logs      {settings.data_dir.resolve()}",
        "Ctrl-C stops everything; orders continue where they were at the next start.",
    ]


def _access(settings: Settings) -> str:
    if settings.auth_issuer is not None:
        return f"with tokens of {settings.auth_issuer}"
    if settings.auth_required:
        return "with tokens of this machine: make -s token ROLE=customer SUBJECT=1"
    open_to = "open to everybody on this machine: no token is required, but one that is shown counts"
    return f"{open_to} (AUTH_REQUIRED=1 requires one)"
