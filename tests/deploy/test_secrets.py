"""`make secrets` creates secrets once, and never replaces them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from harness.waiting import PATIENCE
from runtime.access_log_key import AccessLogKey
from runtime.tracking_keys import TrackingKeys
from tests.deploy.image import PROJECT

_SCRIPT = PROJECT / "deploy" / "secrets.sh"


@pytest.mark.usefixtures("processes")
def test_secrets_are_made_at_random_for_their_owner_alone_and_kept(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"

    first = _make(directory)
    (directory / "grafana_password").unlink()
    second = _make(directory)

    assert directory.stat().st_mode & 0o777 == 0o700
    assert len({value for name, value in first.items() if name.endswith("_password")}) == 10
    assert first["installation_password"] in first["installation_postgresql_url"]
    assert first["audit_writer_password"] in first["audit_writer_postgresql_url"]
    keys = {
        first[name].rpartition(":")[2]
        for name in ("payload_keys", "tracking_keys", "access_log_key", "console_session_keys")
    }
    assert len({AccessLogKey.parse(key).secret for key in keys}) == 4
    assert TrackingKeys.parse(first["tracking_keys"]).newest == "1"
    assert first["order_status_password"] in first["order_status_mariadb_url"]
    assert (directory / "issuer.pem").stat().st_mode & 0o777 == 0o600
    assert {name for name, value in first.items() if second[name] != value} == {"grafana_password", "metrics_token"}


@pytest.mark.usefixtures("processes")
def test_the_token_for_metrics_lasts_for_months_and_each_run_renews_it_where_it_is(tmp_path: Path) -> None:
    directory, now = tmp_path / "secrets", time.time()
    first = _make(directory)
    place = (directory / "metrics_token").stat().st_ino

    renewed = _make(directory)

    claims = jwt.decode(renewed["metrics_token"], options={"verify_signature": False})
    assert 60 < (claims["exp"] - now) / (24 * 60 * 60) < 120
    assert renewed["metrics_token"] != first["metrics_token"]
    # A container sees the file that it was started with.
    assert (directory / "metrics_token").stat().st_ino == place


@pytest.mark.usefixtures("processes")
@pytest.mark.parametrize(
    ("program", "fault"),
    [("od", "exit 1"), ("od", "exit 0"), ("head", "exit 0"), ("base64", "exit 0"), ("python", "exit 0")],
)
def test_no_secret_is_ever_empty_whatever_program_fails(tmp_path: Path, program: str, fault: str) -> None:
    directory = tmp_path / "secrets"
    broken = tmp_path / program
    broken.write_text(f"#!/bin/sh\n{fault}\n")
    broken.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHON": str(broken) if program == "python" else sys.executable,
    }

    done = subprocess.run([_SCRIPT, directory], env=environment, check=False, capture_output=True, timeout=PATIENCE)

    assert done.returncode != 0
    assert [file.name for file in directory.iterdir() if file.suffix != ".draft" and len(file.read_text()) < 40] == []


@pytest.mark.usefixtures("processes")
def test_what_an_earlier_release_left_empty_is_made(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    (directory / "payload_keys").touch()

    assert _make(directory)["payload_keys"].startswith("1:")


@pytest.mark.usefixtures("processes")
def test_what_containers_mount_can_be_read_by_their_users_whatever_the_umask_of_the_clone(tmp_path: Path) -> None:
    for place in PROJECT.iterdir():
        if place.is_dir() and not place.name.startswith(".") and place.name != "deploy":
            (tmp_path / place.name).symlink_to(place)
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy")
    for place in [tmp_path / "deploy", *(tmp_path / "deploy").rglob("*")]:
        place.chmod(0o700 if place.is_dir() or place.suffix == ".sh" else 0o600)

    _make(tmp_path / "out", script=tmp_path / "deploy" / "secrets.sh")

    assert not [
        place
        for place in [tmp_path / "deploy", *(tmp_path / "deploy").rglob("*")]
        if place.stat().st_mode & 0o005 != (0o005 if place.is_dir() or place.suffix == ".sh" else 0o004)
    ]


def _make(directory: Path, script: Path = _SCRIPT) -> dict[str, str]:
    environment = os.environ | {"PYTHON": sys.executable}
    subprocess.run([script, directory], env=environment, check=True, timeout=PATIENCE)
    return {file.name: file.read_text() for file in directory.iterdir()}
