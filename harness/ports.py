"""Ports of this machine for servers that are about to start.

A port that the kernel names as free may be taken when the server comes to use it: by an outgoing connection, which gets
any free port of the kernel's range, or by another process that asked as well. So these ports are below that range, and
each process has a block of them to itself, for as long as it runs.
"""

import random
import socket
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import cycle

_HOST = "127.0.0.1"
_FIRST, _BEYOND = 10_200, 32_000
"""Browsers refuse port 10,080. Linux gives outgoing connections ports from 32,768 on."""
_BLOCK = 200
"""Ports of a block. The first one is bound by the process that has the block."""


def free_ports(count: int) -> Sequence[int]:
    """Return distinct ports that are free, and stay so until this process has asked for many more."""
    return [free_port() for _ in range(count)]


def free_port() -> int:
    """Return a port that is free, and stays so until this process has asked for many more.

    Raises:
        RuntimeError: none is free.
    """
    _, ports = _block()
    for _ in range(_BLOCK):
        port = next(ports)
        if (bound := _bound(port)) is not None:
            bound.close()
            return port
    raise RuntimeError("no port of this process's block is free")


@cache
def _block() -> tuple[socket.socket, Iterator[int]]:
    """Return the socket that holds this process's block, and the block's other ports, again and again."""
    blocks = [*range(_FIRST, _BEYOND, _BLOCK)]
    random.shuffle(blocks)
    for first in blocks:
        if (holding := _bound(first)) is not None:
            return holding, cycle(range(first + 1, first + _BLOCK))
    raise RuntimeError("every block of ports is in use")


def _bound(port: int) -> socket.socket | None:
    """Return a socket that is bound to a port, or nothing if another one is."""
    bound = socket.socket()
    try:
        bound.bind((_HOST, port))
    except OSError:
        bound.close()
        return None
    return bound
