"""Files of the supervisor in `DATA_DIR`: a lock that admits one copy, and `run.json`, which lists running parts."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.part import Failure, Part

_NEW = "run.new"
"""File in a directory that was just made. It stays until `no_longer_new`, also if the first start fails."""


def is_new(data_dir: Path) -> bool:
    """Return whether the directory is missing, or `sole_use` has made it and it has no data yet."""
    return not data_dir.exists() or (data_dir / _NEW).exists()


def no_longer_new(data_dir: Path) -> None:
    """Note that the directory has data."""
    (data_dir / _NEW).unlink(missing_ok=True)


@contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """Lock the directory for this process, and make it if it is missing.

    The kernel releases the lock when the process ends, for any reason.

    Raises:
        Failure: another copy uses the directory, or it cannot be used.
    """
    try:
        if not data_dir.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            (data_dir / _NEW).touch(mode=0o600)
        lock = open(data_dir / "run.lock", "a+", encoding="ascii", opener=_private)  # noqa: SIM115 - closed below
    except OSError as error:
        raise Failure(f"DATA_DIR {data_dir} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise Failure(
                f"process {lock.read().strip() or 'unknown'} already runs on {data_dir}: "
                "stop it, or give this copy a DATA_DIR and ports of its own"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _private(path: str, flags: int) -> int:
    """Open a file. If it is made, it is for its owner alone."""
    return os.open(path, flags, 0o600)


class RunFile:
    """File `run.json`: the parts with a running process, its id, and its port."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, dict[str, int]] = {}

    def started(self, part: Part, pid: int) -> None:
        """Add a part with its process."""
        self._parts[part.name] = {"pid": pid, "port": part.port}
        self._write()

    def ended(self, part: Part) -> None:
        """Remove a part whose process has ended."""
        del self._parts[part.name]
        self._write()

    def remove(self) -> None:
        """Delete the file, because nothing runs."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        draft = self._path.with_suffix(".json.new")
        draft.write_text(json.dumps(self._parts) + "\n", encoding="utf-8")
        draft.replace(self._path)
