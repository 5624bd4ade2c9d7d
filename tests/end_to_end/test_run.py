"""The supervisor of `make run` with the real parts: a first run, and the state after it was killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.end_to_end.system import ROOT, System
from tests.eventually import PATIENCE, eventually, reachable
from tests.processes import starts_processes


@contextmanager
def supervised(running: System) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the supervisor in the foreground, as `make run` does. It is stopped by SIGTERM at the end of the block."""
    environment = running.environment(running.ports["orders"])
    with log_of(running).open("ab") as log:
        command = [sys.executable, "-m", "supervisor"]
        supervisor = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        eventually(lambda: ready(running, supervisor), what="everything ready")
        yield supervisor
    finally:
        if supervisor.poll() is None:
            supervisor.terminate()
        supervisor.wait(timeout=PATIENCE)


def log_of(running: System) -> Path:
    """The output of the supervisor, beside the directory that it may have to make."""
    return running.data_dir.with_name(f"{running.data_dir.name}.log")


def ready(running: System, supervisor: "subprocess.Popen[bytes]") -> bool:
    assert supervisor.poll() is None, log_of(running).read_text()[-3000:]
    return reachable(f"http://127.0.0.1:{running.ports['api']}/health/ready")


def parts(running: System) -> dict[str, dict[str, int]]:
    document: dict[str, dict[str, int]] = json.loads((running.data_dir / "run.json").read_text())
    return document


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
@starts_processes()
def idle(tmp_path: Path) -> Iterator[System]:
    system = System(tmp_path)
    yield system
    system.client.close()


@pytest.fixture(scope="module")
@starts_processes()
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The service that `make run` has started."""
    system = System(tmp_path_factory.mktemp("run") / "data")
    with supervised(system):
        yield system
    system.client.close()


@pytest.fixture
def guarded(up: System) -> Iterator[System]:
    """A second API with authentication, as in `AUTH_REQUIRED=1 make run`."""
    beside = System(up.data_dir, {"AUTH_REQUIRED": "1"})
    beside.ports |= {name: up.ports[name] for name in ("temporal", "ui")}
    try:
        beside.start("api")
        yield beside
    finally:
        beside.stop()


def demo(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ops.demo"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_what_it_keeps_is_for_its_owner_alone(up: System) -> None:
    databases = list(up.data_dir.glob("*.db*"))

    assert {file.name for file in databases} > {"temporal.db", "installation.db", "order-status.db"}
    assert [file.name for file in databases if file.stat().st_mode & 0o077] == []


def test_where_it_has_made_the_directory_there_is_something_to_order(up: System) -> None:
    products = up.get("/managementCenters/products")["items"]

    assert [(product["productId"], product["name"], product["localName"]) for product in products] == [
        ("2001", "Internet", "인터넷"),
        ("2002", "IPTV", "IPTV"),
    ]
    assert all(product["orderable"] and product["skills"] == [] for product in products)


def test_the_demo_passes_against_what_make_run_started(up: System) -> None:
    console = f"http://127.0.0.1:{up.ports['console']}"
    eventually(lambda: reachable(f"{console}/health/live"), what="the console")
    walk = demo(up.environment())
    assert walk.returncode == 0, walk.stdout + walk.stderr
    assert "\033" not in walk.stdout
    assert f"as customer 1: {console}/login?next=%2Forders" in walk.stdout
    assert walk.stdout.count(f"In the console: {console}/orders/") == 4
    assert "POST /eventSubscriptions → 201" in walk.stdout
    assert "orders.JoinCompleted · JOIN_COMPLETED" in walk.stdout
    assert "orders.VisitRescheduled · ENGINEER_ASSIGNED" in walk.stdout
    assert up.get("/eventSubscriptions")["items"] == []
    assert "not bound to this workflow" not in log_of(up).read_text()


def test_the_demo_shows_tokens_where_they_are_asked_for_or_says_that_it_has_none(
    up: System, guarded: System, tmp_path: Path
) -> None:
    environment = up.environment() | {"API_PORT": str(guarded.ports["api"])}
    elsewhere = demo(environment | {"DATA_DIR": str(tmp_path / "elsewhere")})
    assert elsewhere.returncode == 1
    assert "requires tokens" in elsewhere.stdout
    assert not elsewhere.stderr
    walk = demo(environment)
    assert walk.returncode == 0, walk.stdout + walk.stderr
    assert "EngineerReassigned · manager:demo" in walk.stdout
    assert "so it fetches — GET /events" in walk.stdout
    assert "orders.JoinCompleted · JOIN_COMPLETED" in walk.stdout


def test_orders_go_on_after_everything_was_killed_at_once_and_one_signal_ends_everything(idle: System) -> None:
    with supervised(idle) as supervisor:
        requested, accepted = idle.order(), idle.order()
        assert idle.get("/managementCenters/products")["items"] == []
        idle.insist(accepted, "accept")
        idle.until(requested, "INSTALLATION_REQUESTED")
        pids = [part["pid"] for part in parts(idle).values()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        supervisor.kill()
        supervisor.wait(timeout=PATIENCE)
    eventually(lambda: not any(map(alive, pids)), what="nothing outlives the supervisor")
    with supervised(idle) as supervisor:
        idle.insist(requested, "accept")
        idle.insist(requested, "complete")
        idle.insist(accepted, "complete")
        idle.until(requested, "JOIN_COMPLETED")
        idle.until(accepted, "JOIN_COMPLETED")
        everything = {"temporal", "worker", "api", "console"}
        eventually(lambda: set(parts(idle)) == everything, what="every part runs")
        pids = [part["pid"] for part in parts(idle).values()]
        supervisor.terminate()
        assert supervisor.wait(timeout=PATIENCE) == 0
    assert not [pid for pid in pids if alive(pid)]
    assert not (idle.data_dir / "run.json").exists()


def test_a_part_that_is_killed_is_named_and_started_again_and_orders_go_on(up: System) -> None:
    for part in ("temporal", "worker", "api"):
        order_id = up.order()
        up.until(order_id, "INSTALLATION_REQUESTED")
        killed = parts(up)[part]["pid"]
        os.kill(killed, signal.SIGKILL)
        eventually(partial(started_again, up, part, killed), what=f"{part} again")
        up.insist(order_id, "accept")
        up.insist(order_id, "complete")
        up.until(order_id, "JOIN_COMPLETED")
        assert f"{part} was killed by SIGKILL; restarting it" in log_of(up).read_text()


def test_the_console_is_served_and_started_again(up: System) -> None:
    url = f"http://127.0.0.1:{up.ports['console']}"
    eventually(lambda: reachable(f"{url}/health/ready"), what="the console is ready")
    killed = parts(up)["console"]["pid"]
    os.kill(killed, signal.SIGKILL)
    eventually(partial(started_again, up, "console", killed), what="the console again")
    eventually(lambda: reachable(f"{url}/health/ready"), what="the console is ready again")

    page = httpx2.get(f"{url}/login", headers={"Accept-Language": "ko"}, timeout=PATIENCE)

    assert "누구로 로그인할까요?" in page.text
    assert f"Console            {url}" in log_of(up).read_text()


def started_again(running: System, part: str, before: int) -> bool:
    return parts(running).get(part, {}).get("pid", before) != before
