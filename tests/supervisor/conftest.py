"""A supervisor in its own process, with fake parts."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.ports import free_port
from tests.eventually import PATIENCE, eventually
from tests.processes import starts_processes

PROJECT = Path(__file__).parents[2]
FAKE_SERVICE = str(Path(__file__).with_name("fake_service.py"))
AS_FROM_A_TERMINAL = (
    "import os, signal, sys; [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)]; "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
"""A program that restores the default signal handling, because a test run in the background ignores these signals."""
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PROJECT)}


def fake(behavior: str = "", port: int = 0) -> dict[str, Any]:
    """Return a fake part. `fake_part.py` lists the behaviors."""
    return {"port": port or free_port(), "behavior": behavior}


def script(text: str) -> dict[str, Any]:
    """Return a step."""
    return {"script": text}


def alive(pid: int) -> bool:
    """Return whether a process is alive. A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it ends while its state is read
        return False


@dataclass
class Copy:
    """One run of a fake service."""

    data_dir: Path
    output_path: Path
    process: subprocess.Popen[bytes]
    pids: set[int] = field(default_factory=set)
    """The process ids of all parts that were seen in `run.json`."""

    @property
    def output(self) -> str:
        return self.output_path.read_text(encoding="utf-8")

    @property
    def journal(self) -> list[str]:
        """The events of the parts, in order."""
        path = self.data_dir / "journal"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def running(self) -> dict[str, dict[str, int]]:
        """The content of `run.json`."""
        try:
            parts: dict[str, dict[str, int]] = json.loads((self.data_dir / "run.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        self.pids.update(part["pid"] for part in parts.values())
        return parts

    def wait_ready(self) -> "Copy":
        eventually(lambda: "everything is ready" in self.output)
        assert self.running
        return self

    def ended(self) -> int:
        """Wait for the end. Returns the exit status."""
        return self.process.wait(timeout=PATIENCE)

    def left(self) -> list[int]:
        """Return the parts that are still running."""
        return [pid for pid in self.pids if alive(pid)]


Start = Callable[..., Copy]


@pytest.fixture
@starts_processes()
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a fake service: `start(one=fake(), limits={…})`. What it leaves behind is ended after the test."""
    copies: list[Copy] = []

    def start_copy(
        *,
        limits: dict[str, float] | None = None,
        data_dir: str = "data",
        through: tuple[str, ...] = (),
        **items: dict[str, Any],
    ) -> Copy:
        plan = json.dumps({"items": items, "limits": limits or {}})
        output = tmp_path / f"output-{len(copies)}"
        service = (sys.executable, FAKE_SERVICE, str(tmp_path / data_dir), plan)
        command = (sys.executable, "-c", AS_FROM_A_TERMINAL, *through, *service)
        with output.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, env=ENVIRONMENT, cwd=tmp_path)
        copies.append(Copy(tmp_path / data_dir, output, process))
        return copies[-1]

    yield start_copy
    for copy in copies:
        copy.process.kill()
        copy.process.wait()
        _ = copy.running
        for pid in copy.left():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
