"""The service as `make run` starts it: the same commands and settings, on free ports, with temporary data.

In addition, its management center has engineers for thousands of orders, and there may be more workers and APIs. Each
process can be stopped, killed or paused alone.
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
from runtime.payload_binding import PayloadBinding
from runtime.settings import Settings
from runtime.temporal_client import connect, register_search_attributes
from supervisor import service
from supervisor.output import Log
from supervisor.part import Part, Step
from supervisor.process import Launcher, Process, answers

_GRACE = 10.0


class StackFailure(Exception):
    """A part of the service did not become ready."""


@dataclass(frozen=True)
class _Program:
    command: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables in addition to those of the whole stack."""
    before_start: Callable[[], None] | None = None
    checkout: Checkout = OURS
    """The release of the program."""


@dataclass
class Stack:
    """Running parts by name: `temporal`, `worker`, `api`, `console`, and parts that were added."""

    settings: Settings
    client: Client
    _things: ExitStack
    _environment: Mapping[str, str]
    checkout: Checkout = OURS
    """The release of the parts of `make run`. Parts that are added may have another release."""
    _programs: dict[str, _Program] = field(default_factory=dict)
    _processes: dict[str, Process] = field(default_factory=dict)

    @property
    def api(self) -> tuple[str, int]:
        """Host and port of the API of `make run`."""
        return self.settings.api_host, self.settings.api_port

    @property
    def url(self) -> str:
        """URL of the API of `make run`."""
        return f"http://{self.settings.api_host}:{self.settings.api_port}"

    @property
    def console_url(self) -> str:
        """URL of the console of `make run`."""
        return f"http://{self.settings.console_host}:{self.settings.console_port}"

    def pids(self, kind: str) -> list[int]:
        """Return the ids of all processes of a kind: `temporal`, `api`, `worker`, or what was added."""
        return [process.pid for name, process in self._processes.items() if name.partition("-")[0] == kind]

    def pid(self, name: str) -> int:
        """Return the process id of a part."""
        return self._processes[name].pid

    def log(self, name: str) -> Path:
        """Return the log file of a part."""
        return self.settings.data_dir / "log" / f"{name}.log"

    async def add_worker(self, name: str, *contexts: str, **variables: str) -> tuple[str, int]:
        """Start an additional worker process, named `worker-…`, for some contexts or for all.

        Returns the address of its health and metrics.

        Raises:
            StackFailure: it is not ready in time.
        """
        chosen = [word for context in contexts for word in ("--context", context)]
        port = free_port()
        await self._add(name, "worker", "WORKER_PORT", port, chosen, variables)
        return self.settings.worker_host, port

    async def add_api(self, name: str, *, port: int = 0, **variables: str) -> tuple[str, int]:
        """Start an additional API process, named `api-…`. Returns its address.

        Raises:
            StackFailure: it is not ready in time.
        """
        port = port or free_port()
        await self._add(name, "api", "API_PORT", port, [], variables)
        return self.settings.api_host, port

    async def add_console(self, name: str, *, port: int, **variables: str) -> tuple[str, int]:
        """Start an additional console process, named `console-…`, as `add_api` does. Returns its address."""
        await self._add(name, "console", "CONSOLE_PORT", port, [], variables)
        return self.settings.console_host, port

    async def run_beside(self, name: str, module: str, *arguments: str) -> None:
        """Start another program. It is ready when it creates the file that its last argument names."""
        made = Path(arguments[-1])
        command = (sys.executable, "-m", module, *arguments)
        await self.add_program(name, command, lambda: asyncio.to_thread(made.exists))

    async def add_program(
        self, name: str, command: tuple[str, ...], ready: Callable[[], Awaitable[bool]], **variables: str
    ) -> None:
        """Start any additional program, and wait until it is ready.

        Raises:
            StackFailure: it ends, or is not ready in time.
        """
        self._programs[name] = _Program(command, ready, variables)
        await self.start(name)

    async def start(self, name: str) -> None:
        """Start or restart a part, and wait until it is ready.

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

    async def stop(self, name: str, *, within: float = _GRACE) -> None:
        """Stop a part, and wait for its end. It is killed if it does not end within some seconds."""
        self.resume(name)
        await self._processes.pop(name).stop(within, asyncio.Event())

    async def finish(self, name: str, number: signal.Signals) -> None:
        """Send a part the signal that makes it end after its work, and wait for its end.

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
        """Kill a part and all processes that it has started."""
        process = self._processes.pop(name)
        process.kill()
        await process.end

    def pause(self, name: str) -> None:
        """Let a part hang, by SIGSTOP."""
        os.killpg(self._processes[name].pid, signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a part continue, by SIGCONT."""
        process = self._processes[name]
        if not process.end.done():
            os.killpg(process.pid, signal.SIGCONT)

    async def kill_all(self) -> None:
        """Kill every part, in reverse order."""
        for name in reversed(list(self._processes)):
            await self.kill(name)

    def of(self, checkout: Checkout) -> "Stack":
        """Return a view of this stack whose additional parts have another release."""
        return replace(self, checkout=checkout)

    async def migrate(self) -> None:
        """Migrate the tables while parts may run.

        Raises:
            StackFailure: it fails.
        """
        [step] = [item for item in service.plan(self.settings) if isinstance(item, Step)]
        await self.carry_out(step)

    async def carry_out(self, step: Step) -> None:
        """Execute a step that has to precede other parts.

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
        """Register a part, so that `start` can start it."""
        self._programs[part.name] = _Program(
            part.command, lambda: answers(part.ready_at), self._variables_of(part), part.before_start, self.checkout
        )

    def _variables_of(self, part: Part) -> Mapping[str, str]:
        return {name: value for name, value in part.variables.items() if name not in self._environment}

    async def _add(
        self, name: str, like: str, variable: str, port: int, arguments: list[str], variables: Mapping[str, str]
    ) -> None:
        moved = self.settings.model_copy(update={variable.lower(): port})
        [part] = [item for item in service.plan(moved) if isinstance(item, Part) and item.name == like]
        self._programs[name] = _Program(
            (*part.command, *arguments),
            lambda: answers(part.ready_at),
            {**self._variables_of(part), variable: str(port), **variables},
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
    """Run parts of the service in the order of `make run`. They are killed and their data deleted at the end.

    Args:
        parts: Some of `temporal`, `migration`, `worker`, `api`, `console`. The others can be started later.
        environment: Settings of every process. By default, payloads have to be bound, as with `make run`; not if the
            parts are of another release.
        engineers: Number of engineers in the region of the orders of bench and drills. They are created only in this
            release, because the tables of another release may differ.
        checkout: The release of the parts.
    """
    with ExitStack() as things:
        binding = PayloadBinding.REQUIRE if checkout is OURS else PayloadBinding.ACCEPT
        settings = things.enter_context(apart({"PAYLOAD_BINDING": binding, **(environment or {})}))
        client = await connect(settings, lazy=True)
        stack = Stack(settings, client, things, dict(os.environ), checkout)
        try:
            for item in service.plan(settings):
                if isinstance(item, Part):
                    if item.name == "temporal" and checkout is not OURS:
                        command, variables = await asyncio.to_thread(checkout.server, dict(os.environ))
                        item = replace(item, command=command, variables=variables)
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
