"""HAProxy in front of API or console processes, in place of a cluster's load balancer.

It never sends a request twice, so that every failure is visible to the client. It sends a process only so many requests
at once; others wait for the first process that is free. If `steered`, it checks the readiness of each process and
excludes those that are not ready. Otherwise it treats every process as ready.
"""

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ports import free_port
from harness.programs import needed
from harness.stack import Stack
from supervisor.process import answers

_CONFIGURATION = """\
global
    log stdout format raw local0
    maxconn 1000
    # With two threads, HAProxy drops log lines on contention.
    nbthread 1
defaults
    mode http
    retries 0
    timeout connect 2s
    timeout queue 20s
    timeout client 30s
    timeout server 30s
    timeout check 5s
frontend clients
    bind 127.0.0.1:{port}
    monitor-uri /balancer
    # A server counts as up until its first check.
    monitor fail unless {{ nbsrv(processes) eq {running} }}
    log global
    capture response header Location len 200
    log-format "answered %ST %ts %hs"
    default_backend processes
backend processes
    # Connections are not reused: the server could close one just when the next request is sent.
    option http-server-close
    option httpchk GET /health/ready
    http-check expect status 200
"""
_CHECKED = "check inter 500ms fall 2 rise 2"


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy, and its log of completed requests."""

    name: str
    port: int
    log: Path
    _stack: Stack

    async def stop(self) -> None:
        """End it once no request is in progress.

        Raises:
            StackFailure: a request is still in progress.
        """
        await self._stack.finish(self.name, signal.SIGUSR1)

    def answers(self) -> Counter[str]:
        """Count the requests by the status of the response.

        If the response does not come from a process, HAProxy's code follows: `SC`, no process could be reached; `sQ`,
        none was free in time; `C…`, the client aborted the request.
        """
        return Counter(status if end == "--" else f"{status} {end}" for status, end, _ in self._answered())

    def acknowledged(self) -> list[str]:
        """Return the ids of orders that were acknowledged, from the `Location` headers."""
        return [location.rpartition("/")[2] for status, _, location in self._answered() if status == "201"]

    def _answered(self) -> list[tuple[str, str, str]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines if line.startswith("answered ")]
        return [(status, end, location.strip("{}")) for _, status, end, location in words]


async def balance(
    stack: Stack,
    addresses: Sequence[tuple[str, int]],
    *,
    running: int,
    at_once: int,
    steered: bool = True,
    name: str = "balancer",
    port: int = 0,
) -> Balancer:
    """Start HAProxy as a part of the stack.

    Args:
        stack: The stack of the processes.
        addresses: Addresses of the processes that run or will run.
        running: Number of processes that run now.
        at_once: Number of requests that a process gets at once.
        steered: Whether it checks the readiness of each process.
        name: Name of the part.
        port: Port on which it listens. Default: a free one.

    Raises:
        ProgramMissing: HAProxy is not installed.
        StackFailure: it does not become ready.
    """
    port = port or free_port()
    check = _CHECKED if steered else ""
    servers = [
        f"    server process-{number} {host}:{at} maxconn {at_once} {check}"
        for number, (host, at) in enumerate(addresses)
    ]
    configuration = stack.settings.data_dir / f"{name}.cfg"
    configuration.write_text(
        _CONFIGURATION.format(port=port, running=running) + "\n".join(servers) + "\n", encoding="utf-8"
    )
    await stack.add_program(
        name,
        (needed("haproxy"), "-db", "-f", str(configuration)),
        lambda: answers(f"http://127.0.0.1:{port}/balancer"),
    )
    return Balancer(name, port, stack.log(name), stack)
