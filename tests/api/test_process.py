"""Starting and stopping `python -m api`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from runtime.settings import Settings
from tests.api.service import CONTRACT_BODY
from tests.asking import send
from tests.eventually import PATIENCE, eventually, reachable

PROJECT = Path(__file__).parents[2]


@contextmanager
def process(settings: Settings, port: int, log: Path, **extra: str) -> Iterator["subprocess.Popen[bytes]"]:
    inherited = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment = inherited | {
        "API_PORT": str(port),
        "TEMPORAL_PORT": str(settings.temporal_port),
        "DATA_DIR": str(settings.data_dir),
        **extra,
    }
    with log.open("wb") as output:
        started = subprocess.Popen([sys.executable, "-m", "api"], cwd=PROJECT, env=environment, stderr=output)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def is_ready(port: int) -> bool:
    return reachable(f"http://127.0.0.1:{port}/health/ready")


def shows_orders(port: int) -> bool:
    return reachable(f"http://127.0.0.1:{port}/orderStatuses")


@contextmanager
def listening(port: int) -> Iterator[httpx2.Response]:
    """Open the stream of changes, again while the API refuses it for now."""
    with ExitStack() as opened:

        def stream() -> httpx2.Response | None:
            changes = httpx2.stream("GET", f"http://127.0.0.1:{port}/orderStatuses/events", timeout=PATIENCE)
            answer = opened.enter_context(changes)
            return answer if answer.status_code == 200 else None

        answer = eventually(stream, what="the stream is open")
        assert answer is not None
        yield answer


def created(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Create something, once. Returns the document."""
    headers = {"Idempotency-Key": uuid4().hex}
    return send(httpx2.request, "POST", url, 200, 201, json=body, headers=headers, timeout=PATIENCE)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_although_somebody_listens(
    settings: Settings, free_port: int, tmp_path: Path, how: signal.Signals
) -> None:
    with process(settings, free_port, tmp_path / "log") as running:
        eventually(lambda: is_ready(free_port), what="the API is ready")
        with listening(free_port) as stream:
            running.send_signal(how)
            assert "data" not in stream.read().decode()
        assert running.wait(timeout=PATIENCE) == 0
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_while_it_drains_it_says_so_and_serves_who_is_there_and_who_comes(
    settings: Settings, free_port: int, tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{free_port}"
    with (
        process(settings, free_port, tmp_path / "log", DRAIN_SECONDS="600") as running,
        httpx2.Client(base_url=url, timeout=PATIENCE) as who_is_there,
    ):
        eventually(lambda: is_ready(free_port), what="the API is ready")
        assert "Connection" not in who_is_there.get("/health/live").headers
        running.terminate()
        eventually(lambda: httpx2.get(f"{url}/health/ready", timeout=PATIENCE).json()["status"] == "stopping")
        assert who_is_there.get("/orderStatuses").headers["Connection"] == "close"
        assert created(f"{url}/orders", CONTRACT_BODY)["orderId"]
        assert running.poll() is None
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=PATIENCE) == 0


def test_it_starts_and_shows_orders_while_temporal_is_down(settings: Settings, free_port: int, tmp_path: Path) -> None:
    down = settings.model_copy(update={"temporal_port": 1})
    with process(down, free_port, tmp_path / "log"):
        eventually(lambda: is_ready(free_port), what="the API is ready")
        eventually(lambda: shows_orders(free_port), what="the API shows orders")


def test_it_does_not_start_where_it_would_be_open_to_everybody(
    settings: Settings, free_port: int, tmp_path: Path
) -> None:
    with process(settings, free_port, tmp_path / "log", API_HOST="0.0.0.0", AUTH_REQUIRED="1") as running:  # noqa: S104
        assert running.wait(timeout=PATIENCE) == 2
    said = (tmp_path / "log").read_text()
    assert "API_HOST=0.0.0.0" in said
    assert "AUTH_ISSUER" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_named(settings: Settings, tmp_path: Path) -> None:
    with process(settings, settings.temporal_port, tmp_path / "log") as running:
        assert running.wait(timeout=PATIENCE) != 0
    assert "address already in use" in (tmp_path / "log").read_text()
