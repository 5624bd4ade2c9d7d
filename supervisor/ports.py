"""Ports that the parts will listen on: all of them are free, or nothing is started."""

import errno
import socket
import time
from collections.abc import Iterable

from supervisor.part import Failure, Listener

_LET_GO_WITHIN = 2.0
"""Seconds; a copy that was killed a moment ago may still hold its ports."""


def check(listeners: Iterable[Listener]) -> None:
    """See that every listener can have its port.

    Raises:
        Failure: one cannot, or two want the same; all of these are named.
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
    """Why nobody can listen there now; connections that are only running out (TIME_WAIT) are no reason."""
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
