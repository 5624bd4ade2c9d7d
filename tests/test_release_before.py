"""The release before is there only where git has it, and says so elsewhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import release_before
from harness.release_before import COMMIT, OURS, Checkout, NotTried
from runtime.settings import Settings
from supervisor.temporal import temporal
from tests import programs

UNKNOWN = "0123456789" * 4

starts_processes = pytest.mark.usefixtures("processes")


@starts_processes
def test_a_commit_that_git_does_not_have_is_not_tried() -> None:
    with pytest.raises(NotTried, match=UNKNOWN[:12]):
        release_before.prepared(UNKNOWN)


@starts_processes
def test_outside_of_a_repository_it_is_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_before, "_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NotTried, match=COMMIT[:12]):
        release_before.prepared()


@starts_processes
def test_without_git_it_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotTried, match="git is not installed"):
        release_before.prepared()


@starts_processes
def test_what_is_not_tried_skips_a_test_unless_it_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("REQUIRE_PROGRAMS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="git is not installed"):
        programs.the_release_before()
    monkeypatch.setenv("REQUIRE_PROGRAMS", "siege,release-before")
    with pytest.raises(pytest.fail.Exception, match="release-before is required"):
        programs.the_release_before()


@starts_processes
@pytest.mark.parametrize("command", [("drills", "upgrade"), ("bench", "--against", COMMIT)])
def test_the_commands_say_that_it_is_not_tried(command: tuple[str, ...]) -> None:
    environment = os.environ | {"PATH": ""}

    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=OURS.directory, env=environment, capture_output=True, text=True
    )

    assert done.returncode == os.EX_UNAVAILABLE
    assert "not tried" in done.stdout + done.stderr
    assert "git is not installed" in done.stdout + done.stderr


@starts_processes
def test_it_tells_the_command_of_its_own_server(tmp_path: Path) -> None:
    """`OURS` stands for it here: a stranger to this process, which is asked in a process of its own."""
    asked = os.environ | {"DATA_DIR": str(tmp_path), "TEMPORAL_PORT": "12345"}

    command, variables = OURS.server(asked)

    part = temporal(Settings(data_dir=tmp_path, temporal_port=12345))
    assert command == part.command
    assert variables == part.variables


def test_it_runs_what_it_has_installed_itself(tmp_path: Path) -> None:
    other = Checkout(tmp_path, tmp_path / "bin" / "python")
    beside = str(Path(sys.executable).with_name("temporal"))

    assert other.command((sys.executable, "worker.py")) == (str(tmp_path / "bin" / "python"), "worker.py")
    assert other.command((beside, "server")) == (str(tmp_path / "bin" / "temporal"), "server")
    assert other.command(("/usr/bin/siege",)) == ("/usr/bin/siege",)
    assert OURS.command((sys.executable, "-m", "api")) == (sys.executable, "-m", "api")
