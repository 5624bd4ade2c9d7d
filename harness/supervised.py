"""The service under its supervisor, as `make run` starts it, on free ports and with separate data."""

import asyncio
import json
import os
import re
import signal
from asyncio.subprocess import STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import staff
from harness.apart import apart
from harness.release_before import OURS, Checkout
from harness.stack import StackFailure
from harness.waiting import NotInTime, soon
from runtime.settings import Settings

_STOPS_WITHIN = 60.0
_COMMAND = ("-m", "supervisor")
_BEFORE = "run.py"
"""Command of releases that have this file."""


@dataclass
class Supervised:
    """A running supervisor."""

    settings: Settings
    output: Path

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"http://{self.settings.api_host}:{self.settings.api_port}"

    @property
    def said(self) -> str:
        """Output so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def pid(self, part: str) -> int | None:
        """Return the current process id of a part, or `None`."""
        parts = json.loads((self.settings.data_dir / "run.json").read_text(encoding="utf-8"))
        return int(parts[part]["pid"]) if part in parts else None

    def pause(self, part: str) -> int:
        """Let a part hang, by SIGSTOP. Returns its process id."""
        pid = self.pid(part)
        if pid is None:
            raise StackFailure(f"{part} does not run")
        os.killpg(pid, signal.SIGSTOP)
        return pid

    def deaths(self, part: str) -> list[str]:
        """Return what the output says of the deaths of a part, and of why it was killed."""
        return re.findall(rf"\b{part} (?:hangs|was killed|ended) .*", self.said)

    def times_restarted(self, part: str) -> int:
        """Return how often a part has died and is started again."""
        return sum(line.endswith("; restarting it") for line in self.deaths(part))

    def times_ready(self, part: str) -> int:
        """Return how often the output says that a part is ready."""
        return self.said.count(f"{part} is ready (")


@asynccontextmanager
async def supervised(
    command: tuple[str, ...] = _COMMAND,
    environment: Mapping[str, str] | None = None,
    engineers: int = staff.ENGINEERS,
) -> AsyncIterator[Supervised]:
    """Start everything. It is stopped and its data are deleted at the end.

    Args:
        command: Arguments of Python: `-m supervisor`, or a variant of it.
        environment: Settings of every process.
        engineers: Number of engineers in the region of the orders of drills.

    Raises:
        StackFailure: it ends, or is not ready in time.
    """
    with apart(environment or {}) as settings:
        async with started(settings, command) as running:
            async with staff.opened(settings) as database:
                await staff.hire(database, engineers=engineers)
            yield running


@asynccontextmanager
async def started(
    settings: Settings,
    command: tuple[str, ...] | None = None,
    checkout: Checkout = OURS,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Supervised]:
    """Start everything on data that may already exist and that stay. It is stopped at the end.

    Args:
        settings: Settings of the environment that `apart` provides.
        command: Arguments of Python. Default: the supervisor of that release.
        checkout: The release.
        environment: Further settings of every process.

    Raises:
        StackFailure: it ends, or is not ready in time.
    """
    command = command or ((_BEFORE,) if checkout.has(_BEFORE) else _COMMAND)
    output = settings.data_dir / "output"
    with output.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            checkout.python,
            *command,
            cwd=checkout.directory,
            env=os.environ | (environment or {}),
            stdout=stream,
            stderr=STDOUT,
        )
    running = Supervised(settings, output)

    async def ready() -> bool:
        if process.returncode is not None:
            raise StackFailure(f"{' '.join(command)} ended: {running.said[-2000:]}")
        return running.times_ready("api") > 0

    try:
        await soon(ready, what="everything is ready")
        yield running
    except NotInTime as error:
        raise StackFailure(f"{error}: {running.said[-2000:]}") from error
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOPS_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
