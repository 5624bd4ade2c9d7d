"""Check of the ports on which the parts will listen: nothing is started unless all of them are free."""

import errno
import socket
import time
from collections.abc import Iterable

from supervisor.part import Failure, Listener

_LET_GO_WITHIN = 2.0
"""Seconds. A copy that was killed a moment ago may still hold its ports."""


def check(listeners: Iterable[Listener]) -> None:
    """Check that every listener can use its port.

    Raises:
        Failure: a port cannot be used, or two listeners have the same port. The text lists all such ports.
    """
    problems: list[str] = []
    wanted: dict[int, Listener] = {}
    deadline = time.monotonic() + _LET_GO_WITHIN
    for listener in listeners:
        other = wanted.setdefault(listener.port, listener)
        if other is not listener:
            problems.append(f"{other.variable} and {listener.variable} are both {listener.port}")
        elif problem := _problem(listener, deadline):
            problems.append(problem)
    if problems:
        raise Failure("\n".join(problems))


def _problem(listener: Listener, deadline: float) -> str | None:
    while error := _refusal(listener.host, listener.port):
        if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        where = f"port {listener.port} of {listener.host}, for {listener.purpose},"
        if error.errno == errno.EADDRINUSE:
            return f"{where} is taken by another program: stop that, or set {listener.variable} to a free port"
        return f"{where} cannot be used ({error.strerror}): see {listener.variable}"
    return None


def _refusal(host: str, port: int) -> OSError | None:
    """Return why it is impossible to listen there now. Connections in TIME_WAIT are no reason."""
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen()
    except OSError as error:
        return error
    return None
