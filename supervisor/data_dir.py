"""What the supervisor keeps in `DATA_DIR`: a lock, so that one copy runs there, and `run.json`, what is running."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supervisor.part import Failure, Part


@contextmanager
def sole_use(data_dir: Path) -> Iterator[None]:
    """Hold the directory for this process; the kernel lets go of it when the process ends, however that comes.

    Raises:
        Failure: another copy runs there, or the directory cannot be used.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "run.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise Failure(f"DATA_DIR {data_dir} cannot be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise Failure(
                f"process {lock.read().strip() or 'unknown'} runs on {data_dir} already: "
                "stop it, or give this copy a DATA_DIR and ports of its own"
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


class RunFile:
    """`run.json`: the parts that have a process now, with its id and the port it serves."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, dict[str, int]] = {}

    def started(self, part: Part, pid: int) -> None:
        """The part has a process."""
        self._parts[part.name] = {"pid": pid, "port": part.port}
        self._write()

    def ended(self, part: Part) -> None:
        """The part's process is gone."""
        del self._parts[part.name]
        self._write()

    def remove(self) -> None:
        """Nothing runs."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        draft = self._path.with_suffix(".json.new")
        draft.write_text(json.dumps(self._parts) + "\n", encoding="utf-8")
        draft.replace(self._path)
