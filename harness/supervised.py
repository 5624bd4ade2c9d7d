"""The supervisor itself: the service as `make run` has it, supervised, on free ports and with data of its own."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import STDOUT
from collections.abc import AsyncIterator
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
"""What a release runs that has it."""


@dataclass
class Supervised:
    """A running supervisor."""

    settings: Settings
    output: Path

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://{self.settings.api_host}:{self.settings.api_port}"

    @property
    def said(self) -> str:
        """What it has shown so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def pid(self, part: str) -> int | None:
        """The process that a part has now, if any."""
        parts = json.loads((self.settings.data_dir / "run.json").read_text(encoding="utf-8"))
        return int(parts[part]["pid"]) if part in parts else None

    def pause(self, part: str) -> int:
        """SIGSTOP: it is there, and does nothing. Returns its process."""
        pid = self.pid(part)
        if pid is None:
            raise StackFailure(f"{part} does not run")
        os.killpg(pid, signal.SIGSTOP)
        return pid

    def times_ready(self, part: str) -> int:
        """How often it has said that a part was ready."""
        return self.said.count(f"{part} is ready (")


@asynccontextmanager
async def supervised(command: tuple[str, ...] = _COMMAND) -> AsyncIterator[Supervised]:
    """Start everything; stopped, and its data removed, at the end.

    Args:
        command: What Python runs: `-m supervisor`, or something like it.

    Raises:
        StackFailure: it ends, or is not ready in time.
    """
    with apart({}) as settings:
        async with started(settings, command) as running:
            async with staff.opened(settings) as database:
                await staff.hire(database)
            yield running


@asynccontextmanager
async def started(
    settings: Settings, command: tuple[str, ...] | None = None, checkout: Checkout = OURS
) -> AsyncIterator[Supervised]:
    """Start everything on data that may be there already, and that stay; stopped at the end.

    Args:
        settings: Of the environment that `apart` has made.
        command: What Python runs; by default that release's own supervisor.
        checkout: Which release.

    Raises:
        StackFailure: it ends, or is not ready in time.
    """
    command = command or ((_BEFORE,) if checkout.has(_BEFORE) else _COMMAND)
    output = settings.data_dir / "output"
    with output.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(
            checkout.python, *command, cwd=checkout.directory, stdout=stream, stderr=STDOUT
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
