"""Processes of parts. Each has its own session, so that only the supervisor decides when it stops."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from supervisor.output import Log, Terminal, follow

_LAUNCHER = str(Path(__file__).with_name("launcher.py"))
_LAST_LINES_WITHIN = 5.0


class Launcher:
    """Starts processes that end together with this one."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        # Nothing is ever written to this pipe. The other end closes only when this process ends.
        self._lifeline, self._held = os.pipe()

    def close(self) -> None:
        """End all processes that were started and still run, by closing the lifeline."""
        os.close(self._lifeline)
        os.close(self._held)

    async def start(
        self,
        name: str,
        command: tuple[str, ...],
        log: Log,
        terminal: Terminal | None,
        variables: Mapping[str, str] | None = None,
    ) -> "Process":
        """Start a program. Its output goes to the log and, if given, the terminal.

        Variables that the launcher's environment does not have are added to it.
        """
        output, part_output = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-IS",
                _LAUNCHER,
                str(os.getpid()),
                *command,
                stdin=self._lifeline,
                stdout=part_output,
                stderr=part_output,
                cwd=self._directory,
                env={**(variables or {}), **self._environment},
                start_new_session=True,
            )
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(part_output)
        return Process(name, process, follow(output, name, log, terminal))


class Process:
    """A started program."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: threading.Thread) -> None:
        self.name = name
        self.pid = process.pid
        self.end = asyncio.create_task(self._end(process, output))
        """Done when no process that the program started is left, and its last lines are in the log.

        Its result is the exit status, or the negative number of the signal that killed it.
        """

    async def _end(self, process: asyncio.subprocess.Process, output: threading.Thread) -> int:
        status = await process.wait()
        self.kill()
        await asyncio.to_thread(output.join, _LAST_LINES_WITHIN)
        return status

    async def stop(self, grace: float, hurry: asyncio.Event) -> bool:
        """Send SIGTERM; kill it after `grace` seconds or when `hurry` is set. Return whether it stopped itself."""
        if self.end.done():
            return True
        self._signal(signal.SIGTERM)
        hurrying = asyncio.create_task(hurry.wait())
        await asyncio.wait((self.end, hurrying), timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if self.end.done():
            return True
        self.kill()
        await self.end
        return False

    def kill(self) -> None:
        """Kill it with all processes that it has started."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # The program leads its own process group, which includes all that it starts.
        with suppress(ProcessLookupError, PermissionError):  # macOS: not permitted while the group has only zombies
            os.killpg(self.pid, number)


async def answers(url: str, within: float = 2.0) -> bool:
    """Whether a GET request is answered with 200 within some seconds."""
    return await _status(url, within) == b"200"


async def lives(url: str, within: float = 2.0) -> bool:
    """Whether a GET request is answered with 200, or refused by closing its connection, within some seconds.

    A process that has as many connections as it may have closes a new one at once. It is busy, but it does not hang.
    """
    return await _status(url, within) in (b"200", b"")


async def _status(url: str, within: float) -> bytes | None:
    """Return the status of the response, or an empty text if there is none, or None if nobody says anything."""
    address = urlsplit(url)
    request = f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            try:
                writer.write(request.encode())
                return b"".join((await reader.readline()).split()[1:2])
            except ConnectionError:
                return b""
            finally:
                writer.close()
    except (OSError, ValueError):
        return None
