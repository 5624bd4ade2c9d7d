"""Prepares the release before this one, or another commit: a git worktree and a virtual environment of its own.

Nothing of it is imported here: its processes are started, and everything talks to them over HTTP.

`python -m harness.release_before` prepares it ahead of time, or says why it cannot.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMIT = "0c8ab7f482dde61dac0699bfa69381a2c128bb64"
"""The release before, everywhere in this project."""
NAME = "release-before"
"""What `REQUIRE_PROGRAMS` calls it."""
_ROOT = Path(__file__).parents[1]
_KEPT = _ROOT / ".release-before"
_LOCK = Path("requirements", "embedded.txt")
_GIT_WITHIN, _INSTALLED_WITHIN = 120, 1200
"""Seconds."""
_TELL_SERVER = """
import json
from supervisor.temporal import Settings, temporal
part = temporal(Settings())
print(json.dumps({"command": part.command, "variables": dict(getattr(part, "variables", {}))}))
"""


class NotTried(Exception):
    """The commit is not available here; the text says why."""


class PreparationFailure(Exception):
    """The commit is available, but its checkout or its environment cannot be made."""


@dataclass(frozen=True)
class Checkout:
    """The sources of a release, and the Python in which its dependencies are installed."""

    directory: Path
    python: Path
    commit: str = "HEAD"

    def command(self, ours: Sequence[str]) -> tuple[str, ...]:
        """Translate a command of our environment into the same command of this checkout's."""
        program, *arguments = ours
        own = Path(sys.executable).parent
        if Path(program).parent == own:
            name = self.python.name if program == sys.executable else Path(program).name
            program = str(self.python.with_name(name))
        return program, *arguments

    def server(self, environment: Mapping[str, str]) -> tuple[tuple[str, ...], Mapping[str, str]]:
        """Return the command of this checkout's embedded Temporal server, and its variables beside the environment.

        Raises:
            PreparationFailure: the checkout does not tell.
        """
        told = subprocess.run(
            (str(self.python), "-c", _TELL_SERVER),
            cwd=self.directory,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=_GIT_WITHIN,
        )
        _succeeded(told, "the question for the server's command")
        server = json.loads(told.stdout)
        return tuple(server["command"]), server["variables"]

    def has(self, path: str) -> bool:
        """Whether the checkout has a file."""
        return (self.directory / path).exists()


OURS = Checkout(_ROOT, Path(sys.executable))
"""This release."""


def prepared(commit: str = COMMIT) -> Checkout:
    """Check out a commit and install its locked dependencies, unless that has been done before.

    Raises:
        NotTried: git is missing, or does not have the commit.
        PreparationFailure: it cannot be checked out or installed.
    """
    known = _known(commit)
    home = _KEPT / known
    checkout = Checkout(home / "checkout", home / "venv" / "bin" / "python", known)
    with _alone():
        if not _is_made(home, checkout):
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            _make(known, checkout)
            # Written last: an interrupted preparation starts again.
            (home / "made").write_text(f"{known}\n", encoding="ascii")
    return checkout


def _known(commit: str) -> str:
    """Return the full hash of a commit."""
    try:
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    except FileNotFoundError:
        raise NotTried("git is not installed") from None
    if found.returncode:
        told = found.stderr.strip() or "a shallow clone has only the newest commits"
        raise NotTried(f"git does not have {commit[:12]} here: {told}")
    return found.stdout.strip()


def _is_made(home: Path, checkout: Checkout) -> bool:
    """Whether the preparation is complete, and its Python still exists."""
    return (home / "made").exists() and checkout.has(".git") and os.access(checkout.python, os.X_OK)


def _make(commit: str, checkout: Checkout) -> None:
    # --force: git may remember a worktree whose directory was removed. Hooks of the repository are not run.
    worktree = ("worktree", "add", "--quiet", "--force", "--detach", str(checkout.directory), commit)
    _succeeded(_git("-c", f"core.hooksPath={os.devnull}", *worktree), "git worktree add")
    if not checkout.has(str(_LOCK)):
        raise PreparationFailure(f"{commit[:12]} has no {_LOCK}")
    venv = checkout.python.parents[1]
    _succeeded(_run(sys.executable, "-m", "venv", "--without-pip", str(venv)), "python -m venv")
    pip = (sys.executable, "-m", "pip", "--python", str(checkout.python), "--quiet", "--disable-pip-version-check")
    lock = str(checkout.directory / _LOCK)
    _succeeded(_run(*pip, "install", "--require-hashes", "-r", lock), "pip install")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock between processes; it is released when its process ends."""
    _KEPT.mkdir(exist_ok=True)
    with (_KEPT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_GIT_WITHIN)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=_INSTALLED_WITHIN)


def _succeeded(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        raise PreparationFailure(f"{what} failed: {(done.stdout + done.stderr).strip()[-2000:]}")


def main() -> int:
    """Prepare the release before. The exit status is 0 also where git does not have it."""
    try:
        prepared()
    except NotTried as reason:
        sys.stderr.write(f"The release before is not tried: {reason}\n")
    except PreparationFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
