"""HAProxy before API processes: what stands in a drill for a cluster's load balancer.

It never sends a request twice, so that what a client sees as failed has failed. It gives an API no more requests at
once than that may start orders, and has the others wait, for whichever API is free first. Steered, it asks each process
for its readiness and leaves out who is not ready; otherwise it takes every process for ready at any time.
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

_NAME = "balancer"
_CONFIGURATION = """\
global
    log stdout format raw local0
    maxconn 1000
    # Two threads leave out a line where they would have to wait for each other to write it.
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
    # A server counts as up until it has been asked for the first time.
    monitor fail unless {{ nbsrv(apis) eq {running} }}
    log global
    capture response header Location len 200
    log-format "answered %ST %ts %hs"
    default_backend apis
backend apis
    # No connection is kept for a next request: its server could close it at that moment.
    option http-server-close
    option httpchk GET /health/ready
    http-check expect status 200
"""
_CHECKED = "check inter 500ms fall 2 rise 2"


@dataclass(frozen=True)
class Balancer:
    """A running HAProxy, and what it writes down of each request once that is over."""

    port: int
    log: Path
    _stack: Stack

    async def stop(self) -> None:
        """End it when no request is under way any more.

        Raises:
            StackFailure: one still is.
        """
        await self._stack.finish(_NAME, signal.SIGUSR1)

    def answers(self) -> Counter[str]:
        """How many requests there were, by the status of the answer.

        Where it is not an API's answer, with HAProxy's word for what ended the request: `SC`, no API could be reached;
        `sQ`, none was free in time; `C…`, the client broke it off.
        """
        return Counter(status if end == "--" else f"{status} {end}" for status, end, _ in self._answered())

    def acknowledged(self) -> list[str]:
        """The orders that were taken, by the `Location` of the answers."""
        return [location.rpartition("/")[2] for status, _, location in self._answered() if status == "201"]

    def _answered(self) -> list[tuple[str, str, str]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines if line.startswith("answered ")]
        return [(status, end, location.strip("{}")) for _, status, end, location in words]


async def balance(stack: Stack, addresses: Sequence[tuple[str, int]], *, running: int, steered: bool) -> Balancer:
    """Start HAProxy as a part of the stack.

    Args:
        stack: Whose APIs it stands before.
        addresses: Where they run, or will run.
        running: How many of them do now.
        steered: It asks each for its readiness.

    Raises:
        ProgramMissing: HAProxy is not installed.
        StackFailure: it does not come up.
    """
    port = free_port()
    check = _CHECKED if steered else ""
    most = stack.settings.max_starts_in_flight
    servers = [
        f"    server api-{number} {host}:{at} maxconn {most} {check}" for number, (host, at) in enumerate(addresses)
    ]
    configuration = stack.settings.data_dir / "haproxy.cfg"
    configuration.write_text(
        _CONFIGURATION.format(port=port, running=running) + "\n".join(servers) + "\n", encoding="utf-8"
    )
    await stack.add_program(
        _NAME,
        (needed("haproxy"), "-db", "-f", str(configuration)),
        lambda: answers(f"http://127.0.0.1:{port}/balancer"),
    )
    return Balancer(port, stack.log(_NAME), stack)
