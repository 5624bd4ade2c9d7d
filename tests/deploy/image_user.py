"""Running a program as the image's user, also where that user cannot reach the interpreter."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from harness.waiting import PATIENCE
from tests.deploy.image import DOCKERFILE

_UMASK = 0o077
_BECOME = """
import os, sys
user = int(sys.argv[1])
if os.geteuid() == 0 and user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
os.umask(int(sys.argv[2]))
os.execvp(sys.argv[3], sys.argv[3:])
"""
_OPEN = """
set -eu
held=$(mktemp -d)
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$held"
for place in $PLACES; do mkdir -p "$held$place"; mount --bind "$place" "$held$place"; done
for top in $CLOSED; do mount -t tmpfs -o mode=755 none "$top"; done
for place in $PLACES; do mkdir -p "$place"; mount --bind "$held$place" "$place"; done
exec "$@"
"""


def user() -> int:
    """Return the number of the user as whom `start` runs: the image's for root, else oneself."""
    return _image_user() if os.geteuid() == 0 and _reached() is not None else os.geteuid()


def start(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start a program as the image's user, under umask 077."""
    with log.open("ab") as output:
        return subprocess.Popen(
            _as_user(command), cwd=directory, env={**environment, **_mounts()}, stdout=output, stderr=output
        )


def own(place: Path) -> None:
    """Give a file or a directory to that user."""
    os.chown(place, user(), -1)


@cache
def _image_user() -> int:
    found = re.search(r"^USER (\d+):", DOCKERFILE, re.MULTILINE)
    assert found
    return int(found[1])


def _as_user(command: Sequence[str]) -> Sequence[str]:
    return [*(_reached() or ()), sys.executable, "-c", _BECOME, str(user()), str(_UMASK), *command]


@cache
def _reached() -> tuple[str, ...] | None:
    """Return what has to come before a command so that another user reaches the interpreter; None if nothing helps.

    Root's interpreter may be in a directory that is closed to others. Then it is mounted where it is, in a directory
    that is open, for this one process.
    """
    if os.geteuid() != 0:
        return None
    for way in ((), ("unshare", "--mount", "sh", "-c", _OPEN, "sh")):
        become = (*way, sys.executable, "-c", _BECOME, str(_image_user()), str(_UMASK))
        try:
            done = subprocess.run(
                [*become, sys.executable, "-c", "import encodings, pydantic_core, temporalio"],
                env={"PATH": os.environ["PATH"], **_mounts()},
                cwd="/",
                check=False,
                capture_output=True,
                timeout=PATIENCE,
            )
        except OSError:
            continue
        if done.returncode == 0:
            return way
    return None


@cache
def _mounts() -> Mapping[str, str]:
    """Return the directories that the interpreter needs, and the outermost closed one above each."""
    places = {Path(sys.base_prefix).resolve(), Path(sys.prefix).resolve()}
    closed = {
        next((top for top in reversed(place.parents) if not top.stat().st_mode & 0o001), None): place
        for place in places
    }
    tops = {str(top) for top in closed if top is not None}
    needed = [str(place) for place in places if any(Path(top) in place.parents for top in tops)]
    return {"PLACES": " ".join(sorted(needed)), "CLOSED": " ".join(sorted(tops))}
