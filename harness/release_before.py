"""The release before this one, or another commit: its sources in a git worktree, and a virtual environment of its own.

Nothing of it is imported here: its processes are started, and everybody talks to them over HTTP.

`python -m harness.release_before` makes both ahead of time, or says why it cannot.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COMMIT = "0c8ab7f482dde61dac0699bfa69381a2c128bb64"
"""The release before, wherever this project speaks of it."""
NAME = "release-before"
"""What `REQUIRE_PROGRAMS` calls it."""
_ROOT = Path(__file__).parents[1]
_KEPT = _ROOT / ".release-before"
_LOCK = Path("requirements", "embedded.txt")
_GIT_WITHIN, _INSTALLED_WITHIN = 120, 1200
"""Seconds."""


class NotTried(Exception):
    """The commit cannot be had here; the text says why."""


class PreparationFailure(Exception):
    """The commit is here, and its checkout or its environment cannot be made."""


@dataclass(frozen=True)
class Checkout:
    """The sources of a release, and the Python that has what they need."""

    directory: Path
    python: Path
    commit: str = "HEAD"

    def command(self, ours: Sequence[str]) -> tuple[str, ...]:
        """A command of this release, as the checkout's own environment runs it."""
        program, *arguments = ours
        own = Path(sys.executable).parent
        if Path(program).parent == own:
            name = self.python.name if program == sys.executable else Path(program).name
            program = str(self.python.with_name(name))
        return program, *arguments

    def has(self, path: str) -> bool:
        """Whether it has a file."""
        return (self.directory / path).exists()


OURS = Checkout(_ROOT, Path(sys.executable))
"""This release."""


def prepared(commit: str = COMMIT) -> Checkout:
    """Check a commit out and install what it locks, unless that has been done before.

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
            # Last of all: what was interrupted is begun anew.
            (home / "made").write_text(f"{known}\n", encoding="ascii")
    return checkout


def _known(commit: str) -> str:
    """The full name of a commit that git has here."""
    try:
        found = _git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    except FileNotFoundError:
        raise NotTried("git is not installed") from None
    if found.returncode:
        raise NotTried(f"git does not have {commit[:12]} here: {found.stderr.strip()}")
    return found.stdout.strip()


def _is_made(home: Path, checkout: Checkout) -> bool:
    """Whether all of it is there, and its Python still is."""
    return (home / "made").exists() and checkout.has(".git") and os.access(checkout.python, os.X_OK)


def _make(commit: str, checkout: Checkout) -> None:
    # Forced, where git remembers a worktree whose directory is gone. No hook of the repository is run.
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
    """Nobody else makes or looks for one meanwhile; the lock goes with its process."""
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
    """Prepare the release before; 0 also where git does not have it, which is said."""
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
