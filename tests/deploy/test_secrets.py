"""`make secrets` creates secrets once, and never replaces them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from harness.waiting import PATIENCE
from runtime.access_log_key import AccessLogKey
from tests.deploy.image import PROJECT


@pytest.mark.usefixtures("processes")
def test_secrets_are_made_at_random_for_their_owner_alone_and_kept(tmp_path: Path) -> None:
    directory = tmp_path / "secrets"

    first = _make(directory)
    (directory / "grafana_password").unlink()
    second = _make(directory)

    assert directory.stat().st_mode & 0o777 == 0o700
    assert len({value for name, value in first.items() if name.endswith("_password")}) == 9
    assert first["installation_password"] in first["installation_postgresql_url"]
    assert first["audit_writer_password"] in first["audit_writer_postgresql_url"]
    assert AccessLogKey.parse(first["access_log_key"]) != AccessLogKey.parse(first["payload_keys"].partition(":")[2])
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


def _make(directory: Path) -> dict[str, str]:
    environment = os.environ | {"PYTHON": sys.executable}
    subprocess.run([PROJECT / "deploy" / "secrets.sh", directory], env=environment, check=True, timeout=PATIENCE)
    return {file.name: file.read_text() for file in directory.iterdir()}
