"""Keeper: starts parts in order of readiness, restarts dead ones, kills hung ones, and stops all in reverse order."""

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from supervisor.data_dir import RunFile
from supervisor.output import Log, Terminal
from supervisor.parent import Parent
from supervisor.part import Failure, Part, Service, Step
from supervisor.process import Launcher, Process, answers, lives

_LOOK_EVERY = 0.1
_LOOK_AT_PARENT_EVERY = 0.5


class Keeper:
    """One run of the service."""

    def __init__(
        self, service: Service, *, launcher: Launcher, terminal: Terminal, parent: Parent | None = None
    ) -> None:
        self._service = service
        self._limits = service.limits
        self._launcher = launcher
        self._terminal = terminal
        self._parent = parent
        self._run_file = RunFile(service.data_dir / "run.json")
        self._log_dir = service.data_dir / "log"
        self._logs = {item.name: Log(self._log_dir, item.name) for item in service.plan}
        self._was_ready = {item.name: asyncio.Event() for item in service.plan}
        self._processes: dict[str, Process] = {}
        self._deaths: list[float] = []
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        """Run until SIGINT, SIGTERM or the end of the parent. A second SIGINT kills the parts that are left.

        Raises:
            Failure: a part cannot be kept running.
        """
        self._listen()
        failure: Failure | None = None
        work = asyncio.create_task(self._keep_all())
        stopping = asyncio.create_task(self._until_stopping())
        await asyncio.wait((work, stopping), return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        stopping.cancel()
        try:
            await work
        except* Failure as failures:
            failure = next(error for error in failures.exceptions if isinstance(error, Failure))
        except* asyncio.CancelledError:
            self._terminal.say("stopping")
        finally:
            await self._stop_all()
        if failure:
            raise failure

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ask_to_stop, number)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored if started by nohup
            loop.add_signal_handler(signal.SIGHUP, self._ask_to_stop, signal.SIGHUP)

    def _ask_to_stop(self, number: signal.Signals) -> None:
        # SIGTERM arrives twice if it is sent to a process group, because make forwards its own.
        if self._stopping.is_set() and number == signal.SIGINT:
            self._hurry.set()
        self._stopping.set()

    async def _until_stopping(self) -> None:
        while not self._stopping.is_set() and not (self._parent and self._parent.is_ending()):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _LOOK_AT_PARENT_EVERY)

    async def _keep_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for item in self._service.plan:
                if isinstance(item, Part):
                    group.create_task(self._keep(item))
                    await self._was_ready[item.name].wait()
                elif not await self._carry_out(item):
                    group.create_task(self._catch_up(item))
            for place in self._service.places:
                self._terminal.say(place)

    async def _carry_out(self, step: Step) -> bool:
        """Execute a step. Return whether it is done; if not, it has to be retried later."""
        process = await self._start(step.name, step.command)
        await asyncio.wait((process.end,), timeout=self._limits.ready_within)
        if not process.end.done():
            raise Failure(f"{step.purpose} took more than {self._limits.ready_within:g} s; {self._see(step)}")
        status = process.end.result()
        if status not in (os.EX_OK, os.EX_TEMPFAIL):
            raise Failure(f"{step.purpose} failed: {step.name} {_ended(status)}; {self._see(step)}")
        return status == os.EX_OK

    async def _catch_up(self, step: Step) -> None:
        done = False
        while not done:
            self._terminal.say(f"{step.purpose} is postponed; trying again every {self._limits.retry_every:g} s")
            await asyncio.sleep(self._limits.retry_every)
            done = await self._carry_out(step)
        self._terminal.say(f"{step.purpose} is done now")

    async def _keep(self, part: Part) -> None:
        while True:
            if part.before_start:
                part.before_start()
            process = await self._start(part.name, part.command, echo=part.echo, variables=part.variables)
            self._run_file.started(part, process.pid)
            await self._attend(part, process)
            self._run_file.ended(part)
            self._logs[part.name].write(f"--- {_ended(process.end.result())}")
            self._count_death(part, process.end.result())

    async def _start(
        self, name: str, command: tuple[str, ...], *, echo: bool = True, variables: Mapping[str, str] | None = None
    ) -> Process:
        terminal = self._terminal if echo else None
        process = await self._launcher.start(name, command, self._logs[name], terminal, variables)
        self._processes[name] = process
        self._logs[name].write(f"--- process {process.pid} started at {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
        return process

    async def _attend(self, part: Part, process: Process) -> None:
        """Wait until the process ends. Meanwhile, report when it is ready, and kill it if it hangs."""
        if await self._gets_ready(part, process):
            await self._watch(part, process)
        await asyncio.wait((process.end,))

    async def _gets_ready(self, part: Part, process: Process) -> bool:
        """Wait until the process is ready. Return False if it has ended, or took too long and was killed.

        Raises:
            Failure: it took too long, and the part was never ready before.
        """
        began = time.monotonic()
        while not await answers(part.ready_at, self._limits.answer_within) and not process.end.done():
            if time.monotonic() - began > self._limits.ready_within:
                late = (
                    f"{part.name} was not ready within {self._limits.ready_within:g} s "
                    f"({part.ready_at} does not answer 200)"
                )
                if not self._was_ready[part.name].is_set():
                    raise Failure(f"{late}; {self._see(part)}")
                # The part was ready before: something that it needs is down, and may come back.
                self._terminal.say(f"{late} and is killed")
                process.kill()
                return False
            await asyncio.wait((process.end,), timeout=_LOOK_EVERY)
        if process.end.done():
            return False
        self._terminal.say(f"{part.name} is ready ({time.monotonic() - began:.1f} s)")
        self._was_ready[part.name].set()
        return True

    async def _watch(self, part: Part, process: Process) -> None:
        """Probe the process until it has ended, or was killed because it hangs."""
        misses = 0
        while misses < self._limits.misses:
            await asyncio.wait((process.end,), timeout=self._limits.probe_every)
            if process.end.done():
                return
            misses = 0 if await lives(part.live_at, self._limits.answer_within) else misses + 1
        self._terminal.say(f"{part.name} hangs ({part.live_at} has not answered {misses} times) and is killed")
        process.kill()

    def _count_death(self, part: Part, status: int) -> None:
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < self._limits.window]
        self._deaths.append(now)
        if len(self._deaths) > self._limits.deaths:
            raise Failure(
                f"{part.name} {_ended(status)}: parts have died more than {self._limits.deaths} times "
                f"within {self._limits.window:g} s, so everything ends; {self._see(part)}"
            )
        self._terminal.say(f"{part.name} {_ended(status)}; restarting it")

    def _see(self, item: Part | Step) -> str:
        return f"its log is {self._log_dir / item.name}.log"

    async def _stop_all(self) -> None:
        for process in reversed(self._processes.values()):
            if not await process.stop(self._limits.grace, self._hurry):
                self._terminal.say(f"{process.name} did not stop in time and was killed")
        self._run_file.remove()
        for log in self._logs.values():
            log.close()


def _ended(status: int) -> str:
    """Describe how a process ended."""
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
