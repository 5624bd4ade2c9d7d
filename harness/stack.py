"""The service as `make run` starts it: the same commands and settings, on free ports, with data that go with it.

But its management center has engineers for thousands of orders; and there may be more workers and APIs, each of which
can be stopped, killed or paused alone.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from temporalio.client import Client

from harness import staff
from harness.apart import apart
from harness.ports import free_port
from harness.release_before import OURS, Checkout
from harness.waiting import PATIENCE, NotInTime, soon
from runtime.settings import Settings
from runtime.temporal_client import connect, register_search_attributes
from supervisor import service
from supervisor.output import Log
from supervisor.part import Part, Step
from supervisor.process import Launcher, Process, answers

_GRACE = 10.0


class StackFailure(Exception):
    """A part of the service did not come up."""


@dataclass(frozen=True)
class _Program:
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of its environment, beside those of the whole stack."""
    before_start: Callable[[], None] | None = None
    checkout: Checkout = OURS
    """Of which release."""


@dataclass
class Stack:
    """The running parts, by name: `temporal`, `worker`, `api`, and what was added beside them."""

    settings: Settings
    client: Client
    _things: ExitStack
    _environment: Mapping[str, str]
    checkout: Checkout = OURS
    """The release of the parts of `make run`; what is added beside them may be of another."""
    _programs: dict[str, _Program] = field(default_factory=dict)
    _processes: dict[str, Process] = field(default_factory=dict)

    @property
    def api(self) -> tuple[str, int]:
        """Where the API of `make run` listens."""
        return self.settings.api_host, self.settings.api_port

    @property
    def url(self) -> str:
        """Where it listens, for an HTTP client."""
        return f"http://{self.settings.api_host}:{self.settings.api_port}"

    def pids(self, kind: str) -> list[int]:
        """The processes of a kind: `temporal`; `api` or `worker`, all of them; `bare`."""
        return [process.pid for name, process in self._processes.items() if name.partition("-")[0] == kind]

    def pid(self, name: str) -> int:
        """The process of a part."""
        return self._processes[name].pid

    def log(self, name: str) -> Path:
        """What a part has written."""
        return self.settings.data_dir / "log" / f"{name}.log"

    async def add_worker(self, name: str, *contexts: str, **variables: str) -> tuple[str, int]:
        """Start a worker process beside the service's own: `worker-…`, for some contexts or for all.

        Returns where its health and metrics are.

        Raises:
            StackFailure: it is not ready in time.
        """
        chosen = [word for context in contexts for word in ("--context", context)]
        port = free_port()
        await self._add(name, "worker", "WORKER_PORT", port, chosen, variables)
        return self.settings.worker_host, port

    async def add_api(self, name: str, *, port: int = 0, **variables: str) -> tuple[str, int]:
        """Start an API process beside the service's own: `api-…`. Returns where it listens.

        Raises:
            StackFailure: it is not ready in time.
        """
        port = port or free_port()
        await self._add(name, "api", "API_PORT", port, [], variables)
        return self.settings.api_host, port

    async def run_beside(self, name: str, module: str, *arguments: str) -> None:
        """Start a program of the caller's; it is ready when it makes the file that its last argument names."""
        made = Path(arguments[-1])
        command = (sys.executable, "-m", module, *arguments)
        await self.add_program(name, command, lambda: asyncio.to_thread(made.exists))

    async def add_program(
        self, name: str, command: tuple[str, ...], ready: Callable[[], Awaitable[bool]], **variables: str
    ) -> None:
        """Start any program beside the service, and wait until it is ready.

        Raises:
            StackFailure: it ends, or is not ready in time.
        """
        self._programs[name] = _Program(command, ready, variables)
        await self.start(name)

    async def start(self, name: str) -> None:
        """Start what is not running, for the first time or again, and wait until it is ready.

        Raises:
            StackFailure: it ends, or is not ready in time.
        """
        program = self._programs[name]
        if program.before_start:
            program.before_start()
        process = await self._launch(name, program)

        async def ready() -> bool:
            if process.end.done():
                raise StackFailure(f"{name} ended with {process.end.result()}: {self._last_words(name)}")
            return await program.ready()

        try:
            await soon(ready, what=f"{name} ready")
        except NotInTime as error:
            raise StackFailure(f"{error}: {self._last_words(name)}") from None

    async def stop(self, name: str) -> None:
        """Ask a part to stop, and wait for its end."""
        self.resume(name)
        await self._processes.pop(name).stop(_GRACE, asyncio.Event())

    async def finish(self, name: str, number: signal.Signals) -> None:
        """Send a part the signal on which it ends once its work is done, and wait for that.

        Raises:
            StackFailure: it does not end.
        """
        process = self._processes[name]
        os.killpg(process.pid, number)
        await asyncio.wait((process.end,), timeout=PATIENCE)
        if not process.end.done():
            raise StackFailure(f"{name} does not end")
        del self._processes[name]

    async def kill(self, name: str) -> None:
        """SIGKILL, for the part and all that it has started."""
        process = self._processes.pop(name)
        process.kill()
        await process.end

    def pause(self, name: str) -> None:
        """SIGSTOP: it is there, and does nothing."""
        os.killpg(self._processes[name].pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """SIGCONT."""
        process = self._processes[name]
        if not process.end.done():
            os.killpg(process.pid, signal.SIGCONT)

    async def kill_all(self) -> None:
        """Kill every part, in reverse order."""
        for name in reversed(list(self._processes)):
            await self.kill(name)

    def of(self, checkout: Checkout) -> "Stack":
        """The same parts, and what is added from here on is of another release."""
        return replace(self, checkout=checkout)

    async def migrate(self) -> None:
        """Bring the tables up to date, whatever runs meanwhile.

        Raises:
            StackFailure: it fails.
        """
        [step] = [item for item in service.plan(self.settings) if isinstance(item, Step)]
        await self.carry_out(step)

    async def carry_out(self, step: Step) -> None:
        """Do what has to be done before the parts that follow.

        Raises:
            StackFailure: it fails.
        """

        async def never() -> bool:
            return False

        program = _Program(step.command, never, checkout=self.checkout)
        process = await self._launch(step.name, program)
        status = await process.end
        del self._processes[step.name]
        if status:
            raise StackFailure(f"{step.purpose} failed: {self._last_words(step.name)}")

    def know(self, part: Part) -> None:
        """Of a part that `start` may be asked for."""
        self._programs[part.name] = _Program(
            part.command,
            lambda: answers(part.ready_at),
            before_start=part.before_start,
            checkout=self.checkout,
        )

    async def _add(
        self, name: str, like: str, variable: str, port: int, arguments: list[str], variables: Mapping[str, str]
    ) -> None:
        moved = self.settings.model_copy(update={variable.lower(): port})
        [part] = [item for item in service.plan(moved) if isinstance(item, Part) and item.name == like]
        self._programs[name] = _Program(
            (*part.command, *arguments),
            lambda: answers(part.ready_at),
            {variable: str(port), **variables},
            checkout=self.checkout,
        )
        await self.start(name)

    async def _launch(self, name: str, program: _Program) -> Process:
        launcher = Launcher(program.checkout.directory, {**self._environment, **program.variables})
        self._things.callback(launcher.close)
        log = self._things.enter_context(closing(Log(self.log(name).parent, name)))
        process = await launcher.start(name, program.checkout.command(program.command), log, None)
        self._processes[name] = process
        return process

    def _last_words(self, name: str) -> str:
        return self.log(name).read_text(encoding="utf-8")[-2000:]


@asynccontextmanager
async def running(
    *parts: str,
    environment: Mapping[str, str] | None = None,
    engineers: int = staff.ENGINEERS,
    checkout: Checkout = OURS,
) -> AsyncIterator[Stack]:
    """Some parts of the service, in the order of `make run`; killed, and their data removed, at the end.

    Args:
        parts: Of `temporal`, `migration`, `worker`, `api`; the others can be started later.
        environment: Settings of every process.
        engineers: Of the region that the orders of bench and drills are for. They are hired in our own release alone:
            another's tables are not ours to write.
        checkout: The release of the parts.
    """
    with ExitStack() as things:
        settings = things.enter_context(apart(environment or {}))
        client = await connect(settings, lazy=True)
        stack = Stack(settings, client, things, dict(os.environ), checkout)
        try:
            for item in service.plan(settings):
                if isinstance(item, Part):
                    stack.know(item)
                    if item.name in parts:
                        await stack.start(item.name)
                elif item.name in parts:
                    await stack.carry_out(item)
                    if checkout is OURS:
                        async with staff.opened(settings) as database:
                            await staff.hire(database, engineers=engineers)
                if item.name == "temporal":
                    await register_search_attributes(client)
            yield stack
        finally:
            await stack.kill_all()
