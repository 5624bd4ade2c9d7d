"""Errors are reported before anything is started, and the remains of an earlier run do no harm."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.ports import free_port
from harness.waiting import PATIENCE
from runtime.settings import Settings
from supervisor.part import Failure, Listener, Part
from supervisor.ports import check
from supervisor.service import plan, service_of
from tests.eventually import eventually
from tests.supervisor.conftest import ENVIRONMENT, PROJECT, Start, alive, fake


def test_a_port_that_is_taken_is_named_with_its_variable_and_purpose_and_nothing_starts(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        copy = start(one=fake(), two=fake(port=port))
        assert copy.ended() == 1
    assert f"port {port} of 127.0.0.1, for the fake two, is taken by another program" in copy.output
    assert "TWO_PORT" in copy.output
    assert not copy.journal


def test_two_parts_that_want_the_same_port_are_both_named(start: Start) -> None:
    port = free_port()
    copy = start(one=fake(port=port), two=fake(port=port))
    assert copy.ended() == 1
    assert f"ONE_PORT and TWO_PORT are both {port}" in copy.output
    assert not copy.journal


def test_a_host_that_is_not_of_this_machine_is_named() -> None:
    with pytest.raises(Failure, match=r"192\.0\.2\.1.*API_PORT"):
        check([Listener("API_PORT", "192.0.2.1", free_port(), "the API")])


@pytest.mark.usefixtures("processes")
def test_an_api_that_would_be_open_to_everybody_is_not_started(tmp_path: Path) -> None:
    environment = ENVIRONMENT | {"API_HOST": "0.0.0.0", "DATA_DIR": str(tmp_path / "data")}  # noqa: S104 - refused
    done = subprocess.run(
        [sys.executable, "-m", "supervisor"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "AUTH_ISSUER" in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("no token is required, but one that is shown counts", {}),
        ("make -s token", {"auth_required": True}),
        ("https://issuer.example", {"auth_issuer": "https://issuer.example", "auth_audience": "orders"}),
    ],
)
def test_it_says_who_is_let_in(said: str, settings: dict[str, Any]) -> None:
    assert any(said in place for place in service_of(Settings(**settings)).places)


def test_a_second_copy_on_the_same_data_names_the_first(start: Start) -> None:
    first = start(one=fake()).wait_ready()
    second = start(one=fake())
    assert second.ended() == 1
    assert f"process {first.process.pid} already runs on {first.data_dir}" in second.output
    assert "DATA_DIR" in second.output
    assert first.process.poll() is None
    assert first.running


def test_two_copies_run_side_by_side_on_their_own_data_and_ports(start: Start) -> None:
    first = start(one=fake(), data_dir="first").wait_ready()
    second = start(one=fake(), data_dir="second").wait_ready()
    second.process.terminate()
    assert second.ended() == 0
    assert alive(first.running["one"]["pid"])


def test_everything_starts_again_on_the_same_ports_after_all_of_it_was_killed(start: Start) -> None:
    one, two = fake(), fake()
    first = start(one=one, two=two).wait_ready()
    for part in first.running.values():
        os.kill(part["pid"], signal.SIGKILL)
    first.process.kill()
    first.process.wait()
    eventually(lambda: not first.left())
    assert (first.data_dir / "run.json").exists()
    second = start(one=one, two=two).wait_ready()
    assert second.pids.isdisjoint(first.pids)


def test_a_data_directory_that_cannot_be_used_is_named(start: Start, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    copy = start(one=fake())
    assert copy.ended() == 1
    assert f"DATA_DIR {tmp_path / 'data'} cannot be used" in copy.output


@pytest.mark.usefixtures("processes")
def test_a_setting_that_makes_no_sense_is_named_without_its_value() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "supervisor"],
        cwd=PROJECT,
        env=ENVIRONMENT | {"API_PORT": "eighty", "WORKER_PORT": "70000"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert [line.split(":")[0] for line in done.stderr.splitlines()] == ["API_PORT", "WORKER_PORT"]
    assert "eighty" not in done.stderr


def test_a_variable_that_is_set_to_nothing_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    monkeypatch.setenv("API_PORT", "")
    settings = Settings()
    assert settings.temporal_address is None
    assert settings.api_port == 8080


def test_the_embedded_server_comes_first_with_its_data_in_the_data_directory(tmp_path: Path) -> None:
    settings = Settings(temporal_address=None, data_dir=tmp_path, temporal_port=17233)
    service = service_of(settings)
    assert [item.name for item in service.plan] == ["temporal", "migration", "worker", "api", "console"]
    temporal = service.plan[0]
    assert isinstance(temporal, Part)
    assert temporal.port == 17233
    assert str(tmp_path / "temporal.db") in temporal.command
    assert {listener.variable for listener in service.listeners} == {
        "API_PORT",
        "WORKER_PORT",
        "CONSOLE_PORT",
        "TEMPORAL_PORT",
        "TEMPORAL_UI_PORT",
    }


def test_with_a_temporal_server_elsewhere_none_is_started_and_its_ports_are_not_needed(tmp_path: Path) -> None:
    service = service_of(Settings(temporal_address="temporal.example:7233", data_dir=tmp_path))
    assert [item.name for item in service.plan] == ["migration", "worker", "api", "console"]
    assert {listener.variable for listener in service.listeners} == {"API_PORT", "WORKER_PORT", "CONSOLE_PORT"}
    assert any("temporal.example:7233" in place for place in service.places)


def test_the_console_is_started_where_people_can_sign_in_and_told_where_the_api_is(tmp_path: Path) -> None:
    without = service_of(Settings(data_dir=tmp_path, auth_issuer="https://login.example", auth_audience="orders"))
    [*_, api, console] = plan(Settings(data_dir=tmp_path, api_port=18080, console_port=18082, temporal_ui_port=18233))

    assert "console" not in {item.name for item in without.plan}
    assert any("CONSOLE_OIDC_CLIENT_ID" in place for place in without.places)
    assert isinstance(api, Part)
    assert api.variables == {"TRUSTED_PROXIES": "127.0.0.1,::1", "EVENT_TARGET_NETWORKS": "127.0.0.0/8,::1/128"}
    assert isinstance(console, Part)
    assert console.variables == {
        "CONSOLE_API_URL": "http://127.0.0.1:18080",
        "CONSOLE_URL": "http://127.0.0.1:18082",
        "CONSOLE_WEB_UI_URL": "http://127.0.0.1:18233/namespaces/default",
    }


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - nothing listens here
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("localhost", "localhost"),
    ],
)
def test_the_api_is_asked_where_this_machine_reaches_it(host: str, reached: str) -> None:
    [api] = [item for item in plan(Settings(api_host=host, api_port=18080)) if item.name == "api"]
    assert isinstance(api, Part)
    assert api.ready_at == f"http://{reached}:18080/health/ready"
