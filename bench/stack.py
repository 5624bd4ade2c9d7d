"""The service as `make run` starts it: the same commands and settings, on free ports, with data that go with it.

But its management centre has engineers for thousands of orders.
"""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from bench import staff
from settings import Settings
from supervisor import service
from supervisor.output import Log
from supervisor.part import Part, Step
from supervisor.process import Launcher, Process, answers
from temporal_client import connect, register_search_attributes

_ROOT = Path(__file__).parents[1]
_READY_WITHIN = 60.0
_BETWEEN_LOOKS = 0.05
_GRACE = 10.0
_PORTS = ("API_PORT", "WORKER_PORT", "TEMPORAL_PORT", "TEMPORAL_UI_PORT")
_ELSEWHERE = tuple(
    name.upper() for name in Settings.model_fields if name == "temporal_address" or name.endswith("_database_url")
)
"""Variables that would lead the bench to what somebody works with."""


class StackFailure(Exception):
    """A part of the service did not come up."""


@dataclass
class Stack:
    """The running parts, by name."""

    settings: Settings
    client: Client
    _parts: dict[str, Part | Step]
    _things: ExitStack
    _processes: dict[str, Process] = field(default_factory=dict)

    @property
    def api(self) -> tuple[str, int]:
        """Where the API listens."""
        return self.settings.api_host, self.settings.api_port

    def pids(self, kind: str) -> list[int]:
        """The processes of a kind: `temporal`, `api`, `worker` (all of them), `bare`."""
        return [process.pid for name, process in self._processes.items() if name.partition("-")[0] == kind]

    async def start(self, name: str) -> None:
        """Start a part of the service, and wait until it is ready.

        Raises:
            StackFailure: it is not ready in time.
        """
        item = self._parts[name]
        if isinstance(item, Step):
            step = await self._launch(name, item.command)
            if await step.end:
                raise StackFailure(f"{item.purpose} failed")
            del self._processes[name]
        else:
            await self._launch(name, item.command)
            await _until(lambda: answers(item.ready_at), name)

    async def add_worker(self, number: int) -> None:
        """Start one more worker process, beside the service's own."""
        [port] = free_ports(1)
        [part] = [
            item
            for item in service.plan(self.settings.model_copy(update={"worker_port": port}))
            if isinstance(item, Part) and item.name == "worker"
        ]
        await self._launch(f"worker-{number}", part.command, WORKER_PORT=str(port))
        await _until(lambda: answers(part.ready_at), f"worker {number}")

    async def run_beside(self, name: str, module: str, *arguments: str) -> None:
        """Start a program of the bench; it is ready when it makes the file that its last argument names."""
        await self._launch(name, (sys.executable, "-m", module, *arguments))
        await _until(lambda: asyncio.to_thread(Path(arguments[-1]).exists), name)

    async def stop(self, name: str) -> None:
        """Stop a part, and wait for its end."""
        await self._processes.pop(name).stop(_GRACE, asyncio.Event())

    async def stop_all(self) -> None:
        """Stop every part, in reverse order."""
        for name in reversed(list(self._processes)):
            await self.stop(name)

    async def _launch(self, name: str, command: tuple[str, ...], **variables: str) -> Process:
        launcher = Launcher(_ROOT, os.environ | variables)
        self._things.callback(launcher.close)
        log = self._things.enter_context(closing(Log(self.settings.data_dir / "log", name)))
        process = await launcher.start(name, command, log, None)
        self._processes[name] = process
        return process


@asynccontextmanager
async def running(*parts: str) -> AsyncIterator[Stack]:
    """Some parts of the service, in the order of `make run`; stopped, and their data removed, at the end."""
    with ExitStack() as things:
        directory = things.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        ports = dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True))
        own = {"DATA_DIR": directory, **{name: str(port) for name, port in ports.items()}}
        for name in _ELSEWHERE:
            os.environ.pop(name, None)
        os.environ.update(own)
        settings = Settings()
        plan = {item.name: item for item in service.plan(settings)}
        client = await connect(settings, lazy=True)
        stack = Stack(settings, client, plan, things)
        try:
            for name in plan:
                if name in parts:
                    await stack.start(name)
                if name == "temporal":
                    await register_search_attributes(client)
                if name == "migration" and name in parts:
                    async with staff.opened(settings) as database:
                        await staff.hire(database)
            yield stack
        finally:
            await stack.stop_all()


def free_ports(count: int) -> Sequence[int]:
    """Ports that nobody uses now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


async def _until(ready: Callable[[], Awaitable[bool]], name: str) -> None:
    try:
        async with asyncio.timeout(_READY_WITHIN):
            while True:
                if await ready():
                    return
                await asyncio.sleep(_BETWEEN_LOOKS)
    except TimeoutError:
        raise StackFailure(f"{name} is not ready after {_READY_WITHIN:.0f} s") from None
